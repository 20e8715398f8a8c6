namespace GuestMemFs.LiveUpdate;

/// <summary>A live update, or a step of one, that could not be: the message names it, why, and the way out.</summary>
public class LiveUpdateException : Exception
{
    internal LiveUpdateException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}

/// <summary>A plan that was not begun, because something of it would fail.</summary>
public sealed class LiveUpdateRefusedException : LiveUpdateException
{
    internal LiveUpdateRefusedException(IReadOnlyList<LiveUpdateFinding> findings)
        : base($"The plan would fail, and was not begun. {string.Join(" ", findings.Where(finding => finding.IsFatal).Select(finding => finding.ToString()))}") => Findings = findings;

    /// <summary>All that was found.</summary>
    public IReadOnlyList<LiveUpdateFinding> Findings { get; }
}
