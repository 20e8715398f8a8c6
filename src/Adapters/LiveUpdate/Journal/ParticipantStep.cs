namespace GuestMemFs.LiveUpdate;

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
