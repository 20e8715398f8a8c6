namespace GuestMemFs.LiveUpdate;

/// <summary>How far a plan is.</summary>
public enum PlanPhase
{
    /// <summary>Checked, and written down; nobody stands still.</summary>
    Planned = 0,

    /// <summary>Participants are being saved and frozen.</summary>
    Saving = 1,

    /// <summary>Everybody is frozen: the next kernel is entered.</summary>
    Entering = 2,

    /// <summary>Under the next kernel: participants are verified and go on.</summary>
    Resuming = 3,

    /// <summary>Under the next kernel, everybody was asked.</summary>
    Done = 4,

    /// <summary>It is being taken back, under the old kernel.</summary>
    Aborting = 5,

    /// <summary>It was taken back.</summary>
    Aborted = 6,
}

/// <summary>How far a participant is.</summary>
public enum ParticipantStep
{
    /// <summary>Not asked yet.</summary>
    Waiting = 0,

    /// <summary>It saw nothing that would fail.</summary>
    Prepared = 1,

    /// <summary>It stands still, and what it has to be given back is in the journal.</summary>
    Saved = 2,

    /// <summary>It let go.</summary>
    Frozen = 3,

    /// <summary>Under the next kernel, its memory is what was saved.</summary>
    Verified = 4,

    /// <summary>It goes on under the next kernel.</summary>
    Resumed = 5,

    /// <summary>It does not go on; the reason says why. Its memory was left as it is.</summary>
    Refused = 6,

    /// <summary>It goes on under the old kernel: the plan was taken back.</summary>
    Aborted = 7,
}

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

/// <summary>A plan in the journal: all that is needed to go on with it, or to take it back.</summary>
public sealed record PlanRecord
{
    /// <summary>Drawn for each plan.</summary>
    public required Guid Id { get; init; }

    /// <summary>The kernel it was begun under.</summary>
    public required Guid BootId { get; init; }

    /// <summary>How far it is.</summary>
    public PlanPhase Phase { get; init; }

    /// <summary>What is to be done.</summary>
    public required LiveUpdatePlan Plan { get; init; }

    /// <summary>In the order in which they are saved.</summary>
    public required IReadOnlyList<ParticipantRecord> Participants { get; init; }

    /// <summary>Why it is taken back.</summary>
    public string? Problem { get; init; }

    /// <summary>True where nobody stands still for it, and it will never go on.</summary>
    public bool IsOver => Phase is PlanPhase.Done or PlanPhase.Aborted or PlanPhase.Planned;

    internal PlanRecord With(ParticipantRecord changed) =>
        this with { Participants = [.. Participants.Select(one => one.Name == changed.Name ? changed : one)] };

    internal ParticipantRecord Of(string name) => Participants.First(one => one.Name == name);
}
