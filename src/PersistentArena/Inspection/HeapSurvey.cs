namespace GuestMemFs;

/// <summary>How full a heap is, and how its free bytes lie: an estimate from a sample of its pages.</summary>
public sealed record HeapSurvey
{
    /// <summary>Equal parts of the region, in the order of its bytes.</summary>
    public required IReadOnlyList<HeapStretch> Parts { get; init; }

    /// <summary>Bytes of a part.</summary>
    public required double PartBytes { get; init; }

    /// <summary>The region's length in bytes.</summary>
    public required long LengthBytes { get; init; }

    /// <summary>Bytes that were handed out at least once; the rest is fresh.</summary>
    public required long FrontierBytes { get; init; }

    /// <summary>The longest piece that is free in whole pages, in bytes. Fresh bytes are not part of it.</summary>
    public required long LongestFreeBytes { get; init; }

    /// <summary>
    /// False where pages were met that make no sense: a writer is at them, or they are damaged.
    /// <see cref="ArenaInspection.Verify"/> tells.
    /// </summary>
    public required bool IsConsistent { get; init; }

    /// <summary>Bytes that hold something.</summary>
    public long UsedBytes => Parts.Sum(part => part.UsedBytes);

    /// <summary>Bytes below the frontier that hold nothing.</summary>
    public long FreeBytes => Parts.Sum(part => part.FreeRunBytes + part.FreeInSlabBytes);

    /// <summary>The share of the free bytes that is not in the longest piece: 0 is one piece, 1 is dust.</summary>
    public double Fragmentation => FreeBytes == 0 ? 0 : 1 - ((double)LongestFreeBytes / FreeBytes);
}

/// <summary>How full a stretch of a heap is. What is left of its bytes was never handed out.</summary>
/// <param name="Pages">Pages of 64 KiB that were handed out at least once.</param>
/// <param name="UsedBytes">Bytes that hold something: an estimate where slabs were sampled.</param>
/// <param name="FreeRunBytes">Bytes that are free in whole pages.</param>
/// <param name="FreeInSlabBytes">Bytes that are free between blocks, and serve blocks of that size only.</param>
/// <param name="Runs">Runs of pages that begin here: large blocks, or free ones.</param>
/// <param name="Slabs">Slabs that begin here: pages of small blocks of one size.</param>
public readonly record struct HeapStretch(
    long Pages, long UsedBytes, long FreeRunBytes, long FreeInSlabBytes, long Runs, long Slabs);
