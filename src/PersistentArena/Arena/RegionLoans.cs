using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>
/// Regions whose memory is another program's: a machine's RAM, or a region that was borrowed. The loan is an flock on
/// the region's first file that the other program's process holds (flock(1) with <c>--no-fork</c>,
/// <see cref="Borrow"/>): it ends with that process, whoever started it, and leaves nothing behind in the arena.
/// </summary>
internal sealed class RegionLoans(ArenaFiles files, RegionTable table)
{
    /// <summary>The files that a region's bytes lie in, in order.</summary>
    public IReadOnlyList<RegionFile> FilesOf(RegionNode node) => node.Extents.ConvertAll(extent =>
    {
        string file = FileOf(node, extent);
        return new RegionFile(file, files.Medium.PathOf(file), extent.Used, extent.FileLength);
    });

    /// <summary>Lends a region: maps it for writing, with the loan taken.</summary>
    /// <exception cref="RegionLentException">Somebody has borrowed it.</exception>
    /// <exception cref="RegionKindException">It is a heap.</exception>
    public RegionMapping Borrow(RegionNode node, RegionMapper mapper)
    {
        if (node.Entry.Kind == RegionKind.Heap)
        {
            throw new RegionKindException(node.Entry.Name, RegionKind.Raw, node.Entry.Kind);
        }

        RegionSizes.CheckExtents(node, files.Granularity);
        MediumFile loan = Lock(node, FileOf(node, node.Extents[0]));
        try
        {
            RegionMapping mapping = mapper.MapBorrowed(node, loan);
            mapping.Openings = 1;
            return mapping;
        }
        catch
        {
            loan.Dispose();
            throw;
        }
    }

    /// <summary>Refuses what must not happen to memory that somebody else uses.</summary>
    /// <exception cref="RegionLentException">Somebody has borrowed it.</exception>
    public void RequireNotLent(RegionNode node)
    {
        // For a moment the lock is ours: a machine that starts just now is refused, as it would be a moment later.
        bool canBeLent = node.Entry.Kind != RegionKind.Heap && node.Extents.Count > 0;
        if (canBeLent && files.Extents.Locate(node.Extents[0]) is { } name)
        {
            Lock(node, name).Dispose();
        }
    }

    private string FileOf(RegionNode node, ExtentEntry extent) =>
        files.Extents.Locate(extent) ?? throw ExtentException.Missing(
            node.Entry.Name,
            extent.Id,
            ExtentFiles.NameOf(extent.Id),
            extent.FileLength,
            files.Location,
            "no file has its identity");

    private MediumFile Lock(RegionNode node, string name)
    {
        MediumFile file = files.Medium.TryOpenFile(name, writable: false) ?? throw table.NotFound(node.Entry.Name);
        if (file.TryLock())
        {
            return file;
        }

        int? holder = file.FindLockHolder();
        file.Dispose();
        throw new RegionLentException(node.Entry.Name, files.Medium.PathOf(name) ?? name, holder);
    }
}
