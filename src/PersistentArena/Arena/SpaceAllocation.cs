using GuestMemFs.Journal;

namespace GuestMemFs.Arena;

/// <summary>One extent that a region is to get: a file that is there already, or a new one.</summary>
/// <param name="Reuse">The extent to take over, or null for a new file.</param>
/// <param name="FileLength">The file's length.</param>
/// <param name="Used">How many of the region's bytes it is to hold.</param>
internal readonly record struct AllocatedExtent(ExtentEntry? Reuse, long FileLength, long Used);

/// <summary>What the medium can still give.</summary>
/// <param name="Granularity">Files and joints between extents are multiples of this.</param>
/// <param name="MaximumFileLength">The longest file.</param>
/// <param name="Free">Bytes for new files.</param>
/// <param name="FilesLeft">How many more files there may be.</param>
/// <param name="WholeFiles">A new file takes its whole length at once, not just what is used of it.</param>
internal readonly record struct Room(
    long Granularity, long MaximumFileLength, long Free, int FilesLeft, bool WholeFiles);

/// <summary>How a region gets the bytes it asks for. Pure: nothing is touched.</summary>
internal sealed class SpaceAllocation
{
    private SpaceAllocation(long extendLastBy, List<AllocatedExtent> extents, long newBytes, int newFiles)
    {
        ExtendLastBy = extendLastBy;
        Extents = extents;
        NewBytes = newBytes;
        NewFiles = newFiles;
    }

    /// <summary>Bytes that the region's last extent has room for.</summary>
    public long ExtendLastBy { get; }

    /// <summary>The extents behind it.</summary>
    public IReadOnlyList<AllocatedExtent> Extents { get; }

    /// <summary>Bytes that new files take.</summary>
    public long NewBytes { get; }

    /// <summary>How many new files.</summary>
    public int NewFiles { get; }

    /// <summary>Address space that the extents take, counted from the end of what is mapped.</summary>
    public long MappedBytes => Extents.Count == 0
        ? 0
        : Extents.Sum(extent => extent.Used) - Extents[^1].Used + Extents[^1].FileLength;

    /// <summary>Chooses files for bytes.</summary>
    /// <param name="bytes">How many more bytes.</param>
    /// <param name="last">The region's last extent, where it has one.</param>
    /// <param name="unused">Extents of no region.</param>
    /// <param name="room">What the medium can still give.</param>
    /// <param name="takesSpace">The new bytes are to be backed at once.</param>
    public static SpaceAllocation Make(
        long bytes, ExtentEntry? last, IEnumerable<ExtentEntry> unused, Room room, bool takesSpace)
    {
        long extend = last is null ? 0 : Math.Min(bytes, last.Capacity(room.Granularity) - last.Used);
        long rest = bytes - extend;
        var extents = new List<AllocatedExtent>();
        long newBytes = takesSpace && !room.WholeFiles ? extend : 0;
        int newFiles = 0;
        List<ExtentEntry> pool = rest == 0 ? [] : [.. unused];
        pool.Sort((a, b) => a.FileLength.CompareTo(b.FileLength));
        long largestFile = room.MaximumFileLength / room.Granularity * room.Granularity;
        while (rest > 0)
        {
            int fit = pool.FindIndex(e => e.Capacity(room.Granularity) >= rest);
            if (fit < 0 && pool.Count > 0
                && (pool[^1].FileLength >= largestFile
                    || !FreshFilesFit(rest, largestFile, room, newBytes, newFiles, takesSpace)))
            {
                fit = pool.Count - 1;
            }

            if (fit >= 0)
            {
                ExtentEntry entry = pool[fit];
                pool.RemoveAt(fit);
                long used = Math.Min(rest, entry.Capacity(room.Granularity));
                extents.Add(new AllocatedExtent(entry, entry.FileLength, used));
                rest -= used;
                continue;
            }

            AllocatedExtent fresh = Fresh(rest, largestFile, room.Granularity);
            extents.Add(fresh);
            newBytes += Taken(fresh, room, takesSpace);
            newFiles++;
            rest -= fresh.Used;
        }

        return new SpaceAllocation(extend, extents, newBytes, newFiles);
    }

    private static bool FreshFilesFit(
        long rest, long largestFile, Room room, long newBytes, int newFiles, bool takesSpace)
    {
        for (; rest > 0 && newBytes <= room.Free && newFiles <= room.FilesLeft; newFiles++)
        {
            AllocatedExtent fresh = Fresh(rest, largestFile, room.Granularity);
            newBytes += Taken(fresh, room, takesSpace);
            rest -= fresh.Used;
        }

        return rest <= 0 && newBytes <= room.Free && newFiles <= room.FilesLeft;
    }

    private static AllocatedExtent Fresh(long rest, long largestFile, long granularity)
    {
        long length = Math.Min(((rest + granularity - 1) / granularity * granularity) + granularity, largestFile);
        return new AllocatedExtent(null, length, Math.Min(rest, length - granularity));
    }

    private static long Taken(AllocatedExtent extent, Room room, bool takesSpace) =>
        room.WholeFiles ? extent.FileLength
            : (takesSpace ? RegionSizes.RoundUp(extent.Used, Native.PageSizes.Huge2M) : 0)
                + Format.ExtentIdentity.BlockBytes;
}
