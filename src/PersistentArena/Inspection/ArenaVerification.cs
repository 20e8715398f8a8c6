namespace GuestMemFs;

/// <summary>What <see cref="ArenaInspection.Verify"/> found.</summary>
public sealed record ArenaVerification
{
    /// <summary>The arena as it was looked at.</summary>
    public required ArenaSnapshot Arena { get; init; }

    /// <summary>What is wrong or worth knowing, the worst first.</summary>
    public required IReadOnlyList<ArenaFinding> Findings { get; init; }

    /// <summary>Files that lie where the arena lies.</summary>
    public required int FileCount { get; init; }

    /// <summary>Heaps whose header and roots were looked at.</summary>
    public required int HeapCount { get; init; }

    /// <summary>Heaps of which every block was looked at.</summary>
    public required int HeapsWalked { get; init; }

    /// <summary>True where nothing is wrong; notes are not.</summary>
    public bool IsHealthy => Findings.All(finding => finding.Severity == FindingSeverity.Note);
}

/// <summary>Something that is wrong with an arena, or worth knowing.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="ReasonCode">Its stable code, one of <see cref="ReasonCodes"/>.</param>
/// <param name="Scope">What kind of thing it is about.</param>
/// <param name="Subject">What it is about: a file's, a region's or a medium's name.</param>
/// <param name="Text">It, in a sentence.</param>
public sealed record ArenaFinding(
    FindingSeverity Severity, string ReasonCode, FindingScope Scope, string Subject, string Text)
{
    /// <summary>A refusal as a finding: its message without the code, which stands beside it.</summary>
    internal static ArenaFinding Of(ArenaException refusal, FindingScope scope, string subject)
    {
        string prefix = refusal.ReasonCode + ": ";
        string text = refusal.Message;
        text = text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : text;
        return new ArenaFinding(FindingSeverity.Error, refusal.ReasonCode, scope, subject, text);
    }
}

/// <summary>What kind of thing a finding is about.</summary>
public enum FindingScope
{
    /// <summary>The arena's metadata.</summary>
    Metadata = 0,

    /// <summary>A region, or the heap in it.</summary>
    Region = 1,

    /// <summary>A file that lies where the arena lies.</summary>
    File = 2,
}

/// <summary>How much a finding matters.</summary>
public enum FindingSeverity
{
    /// <summary>Worth knowing; nothing is wrong.</summary>
    Note = 0,

    /// <summary>Something is wrong, and nothing is lost: the next writer mends it, or it is in the way.</summary>
    Warning = 1,

    /// <summary>Something cannot be used.</summary>
    Error = 2,
}
