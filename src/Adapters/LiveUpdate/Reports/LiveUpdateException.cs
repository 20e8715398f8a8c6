namespace GuestMemFs.LiveUpdate;

/// <summary>A live update, or a step of one, that could not be: the message names it, why, and the way out.</summary>
public class LiveUpdateException : Exception
{
    internal LiveUpdateException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}
