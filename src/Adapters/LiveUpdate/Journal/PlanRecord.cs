namespace GuestMemFs.LiveUpdate;

/// <summary>A plan in the journal: all that is needed to go on with it, or to take it back.</summary>
public sealed record PlanRecord
{
    /// <summary>Drawn for each plan.</summary>
    public required Guid Id { get; init; }

    /// <summary>The kernel it was begun under.</summary>
    public required Guid BootId { get; init; }

    /// <summary>How far it is.</summary>
    public PlanPhase Phase { get; init; }

    /// <summary>The file that says which programs are started; null where a program made the plan.</summary>
    public string? PlanFile { get; init; }

    /// <summary><see cref="LiveUpdatePlan.Digest"/> of the plan with its programs.</summary>
    public string PlanDigest { get; init; } = string.Empty;

    /// <summary>What is to be done, without the programs: nothing is started by what an arena says.</summary>
    public required LiveUpdatePlan Plan { get; init; }

    /// <summary>In the order in which they are saved.</summary>
    public required IReadOnlyList<ParticipantRecord> Participants { get; init; }

    /// <summary>Why it is taken back.</summary>
    public string? Problem { get; init; }

    /// <summary>True where nobody stands still for it, and it will never go on.</summary>
    public bool IsOver => Phase is PlanPhase.Done or PlanPhase.Aborted or PlanPhase.Planned;

    /// <summary>True where a participant is started, or is another user's: what only the plan's file may say.</summary>
    internal bool NeedsPrograms => Plan.Machines.Count > 0 || Plan.Services.Any(service => service.User is not null);

    internal PlanRecord With(ParticipantRecord changed) =>
        this with { Participants = [.. Participants.Select(one => one.Name == changed.Name ? changed : one)] };

    internal ParticipantRecord Of(string name) => Participants.First(one => one.Name == name);
}
