namespace GuestMemFs.Cli.Facts;

/// <summary>Something that check or explain has to say.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="Reason">
/// A stable code: the library's (docs/reasons.md), or one of the tool's own (<see cref="FindingCodes"/>).
/// </param>
/// <param name="Subject">What it is about: the arena, a region's or a file's name.</param>
/// <param name="Text">In a sentence.</param>
/// <param name="Next">What to do about it; null where nothing is to be done.</param>
internal sealed record Finding(FindingSeverity Severity, string Reason, string Subject, string Text, string? Next)
{
    public static Finding Note(string reason, string subject, string text) =>
        new(FindingSeverity.Note, reason, subject, text, NextStep.For(reason));

    public static Finding Warning(string reason, string subject, string text) =>
        new(FindingSeverity.Warning, reason, subject, text, NextStep.For(reason));

    public static Finding Error(string reason, string subject, string text) =>
        new(FindingSeverity.Error, reason, subject, text, NextStep.For(reason));

    /// <summary>What the library found. That another arena lies there too is nothing to act on.</summary>
    public static Finding Of(ArenaFinding it)
    {
        bool neighbour = it is { Severity: FindingSeverity.Note, ReasonCode: ReasonCodes.ForeignFilesIgnored };
        return new Finding(it.Severity, it.ReasonCode, it.Subject, it.Text,
            neighbour ? null : NextStep.For(it.ReasonCode));
    }

    public static Finding Of(ArenaException e, string subject) => Error(e.ReasonCode, subject, RefusalText.Of(e));
}
