namespace GuestMemFs.LiveUpdate.Journal;

/// <summary>The course of a plan: which phase may follow which. The coordinator keeps to it.</summary>
/// <remarks>
/// <code>
///            run            all frozen             next kernel runs            all were asked
/// Planned --------&gt; Saving ------------&gt; Entering ------------------&gt; Resuming ----------------&gt; Done
///    |               | |  ^                 |  |                              ^
///    |               | |  +- killed, resume +  |                              |
///    |               | +-- the kernel ended before it was entered ------------+
///    |  failed, abort|                         |
///    +------------&gt; Aborting &lt;-----------------+
///                    |
///                    +-- everybody goes on under the old kernel --&gt; Aborted
/// </code>
/// <para>A phase may be written again: how far its participants are has changed. Under another kernel than the plan's
/// own the one way is Resuming; under its own it is never taken.</para>
/// <para>Invariants:</para>
/// <list type="number">
/// <item>A plan's phases follow as above. Else a participant that stands still is forgotten, or one is resumed
/// twice.</item>
/// <item>A plan begins as Planned, and where another one is over. Else what that one saved is overwritten.</item>
/// </list>
/// </remarks>
internal static class PlanCourse
{
    /// <summary>True where a phase may be written after another.</summary>
    public static bool MayFollow(PlanPhase before, PlanPhase after) => before == after || (before, after) switch
    {
        (PlanPhase.Planned, PlanPhase.Saving or PlanPhase.Aborting) => true,
        (PlanPhase.Saving, PlanPhase.Entering or PlanPhase.Resuming or PlanPhase.Aborting) => true,
        (PlanPhase.Entering, PlanPhase.Saving or PlanPhase.Resuming or PlanPhase.Aborting) => true,
        (PlanPhase.Resuming, PlanPhase.Done) => true,
        (PlanPhase.Aborting, PlanPhase.Aborted) => true,
        _ => false,
    };

    /// <summary>True where a record may be written after another, which is null where there is none.</summary>
    public static bool MayFollow(PlanRecord? before, PlanRecord after) => before?.Id == after.Id
        ? MayFollow(before.Phase, after.Phase)
        : before is not { IsOver: false } && after.Phase == PlanPhase.Planned;
}
