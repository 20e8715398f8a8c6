namespace GuestMemFs;

/// <summary>A heap's sizes in bytes.</summary>
/// <param name="Length">The region's length.</param>
/// <param name="Frontier">What was handed out at least once; the rest is fresh.</param>
/// <param name="KnownFree">Free runs of pages below the frontier that are known of. Free blocks within slabs are not
/// counted.</param>
public readonly record struct HeapStatistics(long Length, long Frontier, long KnownFree)
{
    /// <summary>The longest stretch of free pages that is known of, or that was never used.</summary>
    public long LongestFree { get; init; }

    /// <summary>
    /// Free blocks within slabs, as far as known: of use to records of the same size only, until the slab is empty.
    /// </summary>
    public long FreeInSlabs { get; init; }

    /// <summary>
    /// True where so much is free within slabs that <see cref="PersistentHeap.Compact"/> moves records.
    /// </summary>
    public bool IsScattered { get; init; }

    /// <summary>Records that were moved since the heap was opened.</summary>
    public long BlocksMoved { get; init; }

    /// <summary>Their bytes.</summary>
    public long BytesMoved { get; init; }

    /// <summary>Pages that became free by it.</summary>
    public long BytesReclaimed { get; init; }
}
