namespace GuestMemFs.LiveUpdate;

/// <summary>A participant in the journal.</summary>
public sealed record ParticipantRecord
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>How far it is.</summary>
    public ParticipantStep Step { get; init; }

    /// <summary>What it saved.</summary>
    public string? Saved { get; init; }

    /// <summary>When it was asked to stand still.</summary>
    public DateTimeOffset? Stopped { get; init; }

    /// <summary>When it went on.</summary>
    public DateTimeOffset? Resumed { get; init; }

    /// <summary>Why it does not.</summary>
    public string? Reason { get; init; }
}
