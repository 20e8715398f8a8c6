using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs;

/// <summary>
/// Regions whose memory is another program's: a machine's RAM. The loan is an flock on the region's first file that the other program's process inherited (flock(1) with
/// <c>--no-fork</c>, or a descriptor passed to it): it ends with that process, whoever started it, and leaves nothing behind in the arena.
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

    private string FileOf(RegionNode node, ExtentEntry extent) => _files.Locate(extent)
        ?? throw ExtentException.Missing(node.Entry.Name, extent.Id, Regions.ExtentFiles.NameOf(extent.Id), extent.FileLength, Location, "no file has its identity");

    /// <summary>Refuses what must not happen under a running machine.</summary>
    private void ThrowIfLent(RegionNode node)
    {
        if (node.Entry.Kind != RegionKind.GuestRam || node.Extents.Count == 0 || _files.Locate(node.Extents[0]) is not { } name)
        {
            return;
        }

        // For a moment the lock is ours: a machine that starts just now is refused, as it would be a moment later.
        using MediumFile? file = _medium.TryOpenFile(name, writable: false);
        if (file is not null && !file.TryLock())
        {
            throw new RegionLentException(node.Entry.Name, _medium.PathOf(name) ?? name, file.FindLockHolder());
        }
    }
}
