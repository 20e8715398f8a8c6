namespace GuestMemFs.CrashLab.Damage;

/// <summary>Who refuses a damage, at the latest. docs/reliability.md has the same as a table.</summary>
internal enum Promise
{
    /// <summary>Nobody: it is not used, it is data, or only a deep check finds it.</summary>
    Nothing,

    /// <summary>The heap's open.</summary>
    HeapOpen,

    /// <summary>The dictionary's open.</summary>
    Open,

    /// <summary>The read or write that meets it.</summary>
    Use,
}

/// <summary>A run of bytes of a heap's metadata.</summary>
/// <param name="What">What it is.</param>
/// <param name="Offset">Where it begins, in the heap.</param>
/// <param name="Length">In bytes.</param>
/// <param name="Promise">What is promised of each of its bytes.</param>
internal sealed record DamagedPart(string What, long Offset, int Length, Promise Promise);

/// <summary>Where the words lie that the library keeps to itself (docs/format.md).</summary>
internal static class HeapPlaces
{
    /// <summary>In a root's entry: the checksum of its name and layout, then the word that publishes it.</summary>
    public const int RootCheck = 40;
    public const int RootOffset = 48;

    /// <summary>In a table: the number of buckets and its sealed copy.</summary>
    public const int Buckets = 64;

    /// <summary>In a table: the words that lead to its segments.</summary>
    public const int Segments = Collections.Table.Size - (Collections.Table.SegmentCount * sizeof(ulong));
}
