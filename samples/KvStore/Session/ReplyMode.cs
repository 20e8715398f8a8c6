namespace KvStore.Session;

/// <summary>Whether a client is replied to: CLIENT REPLY.</summary>
internal enum ReplyMode
{
    On,
    Off,

    /// <summary>Not to the command that comes next.</summary>
    SkipNext,

    /// <summary>Not to the command that runs.</summary>
    Skip,
}
