namespace KvStore.Rdb;

/// <summary>The byte that says what stands next in a file of dumps; smaller ones are <see cref="RdbType"/>s.</summary>
internal enum RdbCode : byte
{
    SlotInfo = 244,

    /// <summary>The text of a library of functions.</summary>
    Function = 245,

    /// <summary>A library as candidates of Redis 7.0 had it, which no release reads.</summary>
    FunctionOfCandidates = 246,

    /// <summary>What a module has of no key.</summary>
    ModuleFacts = 247,

    Idle = 248,
    Frequency = 249,
    Auxiliary = 250,

    /// <summary>How many keys the database has, and how many of them expire.</summary>
    Resize = 251,

    ExpiresMilliseconds = 252,
    ExpiresSeconds = 253,
    SelectDatabase = 254,
    End = 255,
}
