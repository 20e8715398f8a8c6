namespace GuestMemFs.Holding;

/// <summary>Memory could not be held, kept or got back: the message names it, why, and the way out.</summary>
public class HoldingException : Exception
{
    internal HoldingException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}
