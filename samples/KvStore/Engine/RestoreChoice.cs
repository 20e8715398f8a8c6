namespace KvStore.Engine;

/// <summary>What is done where the store is not there and a copy of it is.</summary>
internal enum RestoreChoice
{
    /// <summary>It is made from the newest whole copy.</summary>
    Auto,

    /// <summary>The server does not start, and says what copy there is: somebody decides.</summary>
    Ask,

    /// <summary>It begins empty.</summary>
    Never,
}
