namespace GuestMemFs.Cli.Infrastructure;

/// <summary>Something that check or explain has to say.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="Reason">A stable code: the library's (docs/reasons.md), or one of the tool's own from GMF7001.</param>
/// <param name="Subject">What it is about: the arena, a region's or a file's name.</param>
/// <param name="Text">In a sentence.</param>
/// <param name="Next">What to do about it; null where nothing is to be done.</param>
internal sealed record Finding(FindingSeverity Severity, string Reason, string Subject, string Text, string? Next)
{
    /// <summary>The arena holds nothing: it was made anew, or never filled.</summary>
    public const string Cold = "GMF7001";

    /// <summary>The same name has an arena on another medium.</summary>
    public const string Elsewhere = "GMF7002";

    /// <summary>What is there will not survive what comes next.</summary>
    public const string Volatile = "GMF7003";

    /// <summary>The medium is nearly full.</summary>
    public const string MediumNearlyFull = "GMF7004";

    /// <summary>The metadata is nearly full.</summary>
    public const string MetadataNearlyFull = "GMF7005";

    /// <summary>A heap is nearly full.</summary>
    public const string HeapNearlyFull = "GMF7006";

    /// <summary>Pages are small.</summary>
    public const string SmallPages = "GMF7007";

    /// <summary>A better medium is here.</summary>
    public const string BetterMedium = "GMF7008";

    /// <summary>A restore was interrupted.</summary>
    public const string HalfRestored = "GMF7011";

    /// <summary>Much of a heap is free within slabs.</summary>
    public const string HeapScattered = "GMF7012";

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

    public static Finding Of(ArenaException e, string subject) => Error(e.ReasonCode, subject, Failure.TextOf(e));
}
