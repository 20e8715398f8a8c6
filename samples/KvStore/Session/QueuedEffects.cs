namespace KvStore.Session;

/// <summary>What running a command, or all commands of a transaction, means to others.</summary>
[Flags]
internal enum QueuedEffects
{
    None = 0,

    /// <summary>It may change keys.</summary>
    Changes = 1,

    /// <summary>It is refused where keys take more than they may.</summary>
    DeniesOom = 2,

    /// <summary>It waits while writes are paused.</summary>
    WaitsInPause = 4,

    /// <summary>It changes keys by itself, not by a script.</summary>
    Writes = 8,

    /// <summary>It looks at keys.</summary>
    OfData = 16,

    /// <summary>Of a command that this server does not know.</summary>
    Unknown = Changes | Writes | OfData,
}
