namespace GuestMemFs;

/// <summary>How a region is created.</summary>
public sealed class RegionOptions
{
    /// <summary>The longest name, in bytes of UTF-8.</summary>
    public const int MaximumNameBytes = Journal.EntryRules.MaximumNameBytes;

    /// <summary>The smallest region, and the smallest alignment: 2 MiB.</summary>
    public const long MinimumLength = 2L << 20;

    /// <summary>Whose bytes.</summary>
    public RegionKind Kind { get; set; } = RegionKind.Raw;

    /// <summary>
    /// Alignment of the address, in bytes: 2 MiB or 1 GiB. A medium with larger pages aligns to these.
    /// </summary>
    public long Alignment { get; set; } = 2L << 20;

    /// <summary>When space is taken.</summary>
    public RegionReserve Reserve { get; set; } = RegionReserve.Full;

    /// <summary>
    /// How far the region can grow at its address, in bytes: address space is kept for it, no memory. 0 takes 16 times
    /// the length, at least 64 GiB for a heap and 1 GiB for others.
    /// </summary>
    public long MaximumLength { get; set; }

    /// <summary>
    /// From which NUMA nodes its memory is taken, also where it was there: null for where it is touched first.
    /// <see cref="AttachReport.Placements"/> says what was got.
    /// </summary>
    public NumaPolicy? Numa { get; set; }
}

/// <summary>What is known of a region without opening it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Id">Its id: never used twice in an arena.</param>
/// <param name="Kind">Whose bytes.</param>
/// <param name="Length">Bytes.</param>
/// <param name="MaximumLength">How far it can grow, in bytes.</param>
/// <param name="Alignment">Of its address, in bytes.</param>
/// <param name="Reserve">When space is taken.</param>
/// <param name="ExtentCount">In how many files it lies.</param>
/// <param name="Created">When, by the creator's wall clock.</param>
/// <param name="IsFormatted">True where a heap was made in it.</param>
public sealed record RegionInfo(
    string Name,
    ulong Id,
    RegionKind Kind,
    long Length,
    long MaximumLength,
    long Alignment,
    RegionReserve Reserve,
    int ExtentCount,
    DateTimeOffset Created,
    bool IsFormatted);

/// <summary>An arena's room, in bytes.</summary>
/// <param name="Total">What the medium has.</param>
/// <param name="Free">
/// What new files can take: the medium's word where it can be trusted, else what the files leave.
/// </param>
/// <param name="InUse">The lengths of all regions.</param>
/// <param name="Reusable">What deleted regions left in files that stay, and new ones get first.</param>
/// <param name="FileCount">The arena's files, the metadata included.</param>
/// <param name="MaximumFiles">How many files the medium keeps.</param>
/// <param name="MetadataUsed">Of the metadata journal's half in force.</param>
/// <param name="MetadataCapacity">A half's size.</param>
public sealed record ArenaSpace(
    long Total,
    long Free,
    long InUse,
    long Reusable,
    int FileCount,
    int MaximumFiles,
    long MetadataUsed,
    long MetadataCapacity);
