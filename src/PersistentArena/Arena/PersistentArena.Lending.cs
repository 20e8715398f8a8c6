using GuestMemFs.Journal;
using GuestMemFs.Native;
using GuestMemFs.Arena;

namespace GuestMemFs;

/// <summary>
/// Regions whose memory is another program's: a machine's RAM, or a region that was borrowed. The loan is an flock on the region's first file that the other program's process holds
/// (flock(1) with <c>--no-fork</c>, <see cref="BorrowRegion"/>): it ends with that process, whoever started it, and leaves nothing behind in the arena.
/// </summary>
public sealed partial class PersistentArena
{
    /// <summary>The files that a region's bytes lie in, in order, as found by their identity.</summary>
    /// <exception cref="RegionNotFoundException">There is none of that name.</exception>
    /// <exception cref="ExtentException">A file of it is missing.</exception>
    public IReadOnlyList<RegionFile> GetRegionFiles(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        lock (_lock)
        {
            RegionNode node = Current().Find(name) ?? throw new RegionNotFoundException(Location, name, _tables.RegionCount);
            return Guard(0, () => node.Extents.ConvertAll(extent =>
            {
                string file = FileOf(node, extent);
                return new RegionFile(file, _medium.PathOf(file), extent.Used, extent.FileLength);
            }));
        }
    }

    /// <summary>
    /// Opens a region for writing beside the arena's writer, from an arena that was opened read-only. The region is lent until it is disposed of, or the process ends: meanwhile the writer
    /// can neither delete nor grow it, and nobody else can borrow it. The writer may read and write its bytes all the same: who does, is for the two programs to agree on.
    /// </summary>
    /// <param name="name">A region of kind Raw or GuestRam. What lies in a heap has rules that only its one writer keeps.</param>
    /// <exception cref="RegionNotFoundException">There is none of that name.</exception>
    /// <exception cref="RegionKindException">It is a heap.</exception>
    /// <exception cref="RegionLentException">Somebody has borrowed it, or it is a running machine's memory.</exception>
    /// <exception cref="ExtentException">A file of it is missing, truncated, or there twice.</exception>
    public PersistentRegion BorrowRegion(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        lock (_lock)
        {
            RegionNode node = Current().Find(name) ?? throw new RegionNotFoundException(Location, name, _tables.RegionCount);
            if (node.Entry.Kind == RegionKind.Heap)
            {
                throw new RegionKindException(name, RegionKind.Raw, node.Entry.Kind);
            }

            CheckExtents(node);
            return Guard(node.Entry.Length, () =>
            {
                MediumFile loan = LendingFile(node, FileOf(node, node.Extents[0]));
                try
                {
                    RegionMapping mapping = Map(node, new ExtentFiles(_medium, Id, Granularity, writable: true), loan);
                    mapping.Openings = 1;
                    return new PersistentRegion(this, mapping);
                }
                catch
                {
                    loan.Dispose();
                    throw;
                }
            });
        }
    }

    private string FileOf(RegionNode node, ExtentEntry extent) => _files.Locate(extent)
        ?? throw ExtentException.Missing(node.Entry.Name, extent.Id, Arena.ExtentFiles.NameOf(extent.Id), extent.FileLength, Location, "no file has its identity");

    /// <summary>Refuses what must not happen to memory that somebody else uses.</summary>
    private void ThrowIfLent(RegionNode node)
    {
        // For a moment the lock is ours: a machine that starts just now is refused, as it would be a moment later.
        if (node.Entry.Kind != RegionKind.Heap && node.Extents.Count > 0 && _files.Locate(node.Extents[0]) is { } name)
        {
            LendingFile(node, name).Dispose();
        }
    }

    /// <summary>The file whose lock is a region's loan, with the lock taken.</summary>
    private MediumFile LendingFile(RegionNode node, string name)
    {
        MediumFile file = _medium.TryOpenFile(name, writable: false) ?? throw new RegionNotFoundException(Location, node.Entry.Name, _tables.RegionCount);
        if (file.TryLock())
        {
            return file;
        }

        int? holder = file.FindLockHolder();
        file.Dispose();
        throw new RegionLentException(node.Entry.Name, _medium.PathOf(name) ?? name, holder);
    }
}
