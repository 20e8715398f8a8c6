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
