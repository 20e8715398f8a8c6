namespace GuestMemFs.LiveUpdate;

/// <summary>A plan that was not begun, because something of it would fail.</summary>
public sealed class LiveUpdateRefusedException : LiveUpdateException
{
    internal LiveUpdateRefusedException(IReadOnlyList<LiveUpdateFinding> findings)
        : base("The plan would fail, and was not begun. " +
            string.Join(" ", findings.Where(finding => finding.IsFatal).Select(finding => finding.ToString()))) =>
        Findings = findings;

    /// <summary>All that was found.</summary>
    public IReadOnlyList<LiveUpdateFinding> Findings { get; }
}
