using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>
/// The arena's account of space: what the medium has left, which extents no region has, and how a region gets what it
/// asks for. Used under the arena's lock.
/// </summary>
/// <param name="files">What the arena lies on.</param>
/// <param name="table">Its regions.</param>
/// <param name="aside">
/// Extents that the journal calls unused, and whose files say that a region has them: older metadata, or somebody
/// else's mistake. They are left alone.
/// </param>
internal sealed class SpaceLedger(ArenaFiles files, RegionTable table, IReadOnlySet<ulong> aside)
{
    private readonly Medium _medium = files.Medium;

    /// <summary>
    /// Files that were made for something that then failed, on a medium where deleting them gives nothing back.
    /// </summary>
    public List<ExtentEntry> Spare { get; } = [];

    /// <summary>How much room there is.</summary>
    public ArenaSpace Measure()
    {
        MetadataTables tables = table.Now;
        long inUse = tables.Regions.Sum(region => region.Entry.Length);
        long reusable = Unused().Sum(extent => extent.Capacity(files.Granularity));
        int count = 1 + Spare.Count + tables.Extents.Count;
        (long total, long free) = Balance();
        return new ArenaSpace(
            total,
            free,
            inUse,
            reusable,
            count,
            _medium.Capabilities.MaximumFiles,
            table.Journal?.LogLength ?? 0,
            files.Layout.LogCapacity);
    }

    /// <summary>Finds room for more bytes of a region; nothing is touched.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="region">The region that grows; null for a new one.</param>
    /// <param name="reserve">When the medium's space is taken.</param>
    /// <param name="addressSpace">What may be mapped, from the end of what is mapped.</param>
    /// <exception cref="ArenaOutOfSpaceException">The medium has no room.</exception>
    /// <exception cref="ArenaOutOfFilesException">The medium keeps no more files.</exception>
    public SpaceAllocation Allocate(long bytes, RegionNode? region, RegionReserve reserve, long addressSpace)
    {
        MediumCapabilities capabilities = _medium.Capabilities;
        (long total, long free) = Balance();
        int present = capabilities.MaximumFiles == int.MaxValue ? 0 : _medium.ListFiles().Count;
        int filesLeft = capabilities.MaximumFiles - present;
        var room = new Room(files.Granularity, LongestFile(), free, filesLeft, capabilities.CreationTakesSpace);
        bool takesSpace = reserve == RegionReserve.Full;
        ExtentEntry? last = region?.Extents.Count > 0 ? region.Extents[^1] : null;

        // What is unused and can still be given back to the medium (a deletion under way) is not handed out again.
        IEnumerable<ExtentEntry> unused = capabilities.UnlinkFreesSpace ? [] : Unused();
        SpaceAllocation allocation = SpaceAllocation.Make(bytes, last, unused, room, takesSpace);
        if (addressSpace < allocation.MappedBytes)
        {
            allocation = SpaceAllocation.Make(bytes, last, [], room, takesSpace);
        }

        if (allocation.NewBytes > free)
        {
            throw ArenaOutOfSpaceException.OnMedium(files.Location, allocation.NewBytes, free, total);
        }

        if (allocation.NewFiles > room.FilesLeft)
        {
            throw new ArenaOutOfFilesException(
                files.Location, allocation.NewFiles, present, capabilities.MaximumFiles);
        }

        return allocation;
    }

    /// <summary>Total and free bytes: the medium's word where it is true, else what its files leave.</summary>
    private (long Total, long Free) Balance()
    {
        MediumSpace space = _medium.GetSpace();
        if (_medium.Capabilities.TruthfulFreeSpace && space.Free is { } free)
        {
            return (space.Total, free);
        }

        long taken = 0;
        foreach (string name in _medium.ListFiles())
        {
            using MediumFile? file = _medium.TryOpenFile(name, writable: false);
            taken += file?.Length ?? 0;
        }

        return (space.Total, Math.Max(0, space.Total - taken));
    }

    private IEnumerable<ExtentEntry> Unused() => table.Now.Extents
        .Where(extent => extent.State != ExtentState.InUse && !aside.Contains(extent.Id))
        .Concat(Spare);

    // What the medium and this process's limit allow: with a low limit a region is made of more files. Below two pages
    // making the file is refused, with the reason.
    private long LongestFile() =>
        Math.Min(_medium.Capabilities.MaximumFileLength, Math.Max(FileSizeLimit.Current, 2 * files.Granularity));
}
