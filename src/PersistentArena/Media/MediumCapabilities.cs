using GuestMemFs.Media;

namespace GuestMemFs;

/// <summary>What a medium can do. Immutable.</summary>
public sealed record MediumCapabilities
{
    /// <summary>What the content survives.</summary>
    public required Survives Survives { get; init; }

    /// <summary>
    /// The page size, in bytes, that mappings of this medium are expected to get (4 KiB, 2 MiB, 1 GiB).
    /// </summary>
    public required long PageSize
    {
        get => PageSizeByTrial?.Value ?? field;
        init;
    }

    /// <summary>
    /// Finds <see cref="PageSize"/> out when it is first asked for; null where it is known. Finding out is too slow for
    /// an open.
    /// </summary>
    internal Lazy<long>? PageSizeByTrial { get; init; }

    /// <summary>
    /// What addresses of mappings are multiples of: the page size, or the largest that a trial may find.
    /// </summary>
    internal long Alignment => PageSizeByTrial is null ? PageSize : Native.PageSizes.Huge2M;

    /// <summary>Lengths of files are multiples of this many bytes (at least 2 MiB).</summary>
    public required long FileGranularity { get; init; }

    /// <summary>The longest file, in bytes.</summary>
    public required long MaximumFileLength { get; init; }

    /// <summary>The number of files that survive what the medium survives.</summary>
    public int MaximumFiles { get; init; } = int.MaxValue;

    /// <summary>Fresh files read as zeros.</summary>
    public bool FreshMemoryIsZero { get; init; } = true;

    /// <summary>
    /// The kernel may write its pages to swap, where there is some: tmpfs without <c>noswap</c>, and memfd.
    /// </summary>
    public bool CanBeSwapped { get; init; }

    /// <summary>Unlink gives the space back, and the kernel clears it before anyone else sees it.</summary>
    public bool UnlinkFreesSpace { get; init; } = true;

    /// <summary>Free space as told by the filesystem is true.</summary>
    public bool TruthfulFreeSpace { get; init; } = true;

    /// <summary>Space is taken when a file is created (or mapped), not when it is touched.</summary>
    public bool CreationTakesSpace { get; init; }

    /// <summary><see cref="MediumFile.TryDiscard"/> works.</summary>
    public bool CanDiscard { get; init; } = true;

    /// <summary>msync works and means something (durability on request).</summary>
    public bool CanFlush { get; init; }

    /// <summary>What it survives and its page size, in a line.</summary>
    public override string ToString() => $"{Words.Of(Survives)}; pages of {Words.OfBytes(PageSize)}";
}
