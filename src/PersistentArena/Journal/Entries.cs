namespace GuestMemFs.Journal;

/// <summary>A region's entry. Immutable: a change is a whole new entry.</summary>
internal sealed record RegionEntry(
    ulong Id,
    ulong Nonce,
    string Name,
    RegionKind Kind,
    RegionReserve Reserve,
    long Length,
    long MaximumLength,
    long Alignment,
    long CreatedUnixMilliseconds,
    bool Formatted,
    RegionGeneration Generation = default);

/// <summary>What an extent is in.</summary>
internal enum ExtentState : uint
{
    /// <summary>Part of a region.</summary>
    InUse = 1,

    /// <summary>Of no region, and scrubbed.</summary>
    Free = 2,

    /// <summary>Of no region, and full of what it held.</summary>
    Dirty = 3,
}

/// <summary>
/// An extent's entry. Immutable. <paramref name="Used"/> is how many of the region's bytes it holds, from its first
/// byte on.
/// </summary>
internal sealed record ExtentEntry(
    ulong Id, ulong Nonce, long FileLength, long Used, ulong RegionId, uint Ordinal, ExtentState State)
{
    /// <summary>
    /// Bytes of data that the file has room for: the identity block has the last <paramref name="granularity"/> bytes
    /// to itself, so that data ends on a page boundary of any size and the next extent's data can follow it in the
    /// address space.
    /// </summary>
    public long Capacity(long granularity) => FileLength - granularity;
}

/// <summary>
/// The arena's own entry: the newest writer's epoch, the next ids (never used twice), and whether metadata stands
/// still.
/// </summary>
internal readonly record struct ArenaState(
    ulong Epoch, ulong NextExtentId, ulong NextRegionId, bool Frozen, Guid FrozenBoot)
{
    /// <summary>What a new arena starts with.</summary>
    public static ArenaState Initial => new(Epoch: 0, NextExtentId: 1, NextRegionId: 1, Frozen: false,
        FrozenBoot: Guid.Empty);
}
