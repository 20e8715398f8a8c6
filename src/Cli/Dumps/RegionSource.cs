using GuestMemFs.Cli.Infrastructure;
using GuestMemFs.Journal;
using GuestMemFs.Regions;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Cli.Dumps;

/// <summary>
/// A region's bytes, for copying. Memory that was never touched is not touched by this either: where space is taken on demand, a load through a mapping would take it
/// (and end in SIGBUS on a full medium), so these regions are read from their files.
/// </summary>
internal sealed class RegionSource : IDisposable
{
    private readonly PersistentRegion _region;
    private readonly List<(long Start, long Length, SafeFileHandle File)> _files = [];

    private RegionSource(PersistentRegion region) => _region = region;

    public static RegionSource Open(PersistentArena arena, PersistentRegion region, RegionNode node, long granularity)
    {
        var source = new RegionSource(region);
        if (node.Entry.Reserve == RegionReserve.Full || region.Kind == RegionKind.Heap || !arena.Medium.Capabilities.FreshMemoryIsZero)
        {
            return source; // All of it is backed; a heap up to its frontier, and no more of it is read.
        }

        try
        {
            var files = new ExtentFiles(arena.Medium, arena.Id, granularity, writable: false);
            long start = 0;
            foreach (ExtentEntry extent in node.Extents)
            {
                string name = files.Locate(extent) ?? throw new GmfsException(ExitCode.Damaged, $"The file of extent {extent.Id} went away.", ReasonCodes.ExtentMissing);
                source._files.Add((start, extent.Used, File.OpenHandle(Path.Combine(arena.Medium.Location, name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite)));
                start += extent.Used;
            }

            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Reads a part; it is within the region.</summary>
    public void Read(long offset, Span<byte> to)
    {
        if (_files.Count == 0)
        {
            _region.AsSpan(offset, to.Length).CopyTo(to);
            return;
        }

        foreach ((long start, long length, SafeFileHandle file) in _files)
        {
            while (to.Length > 0 && offset >= start && offset < start + length)
            {
                int part = (int)Math.Min(to.Length, start + length - offset);
                int read = RandomAccess.Read(file, to[..part], offset - start);
                if (read <= 0)
                {
                    throw new IOException($"A file of region '{_region.Name}' ended at {offset - start}.");
                }

                offset += read;
                to = to[read..];
            }
        }
    }

    public void Dispose() => _files.ForEach(file => file.File.Dispose());
}
