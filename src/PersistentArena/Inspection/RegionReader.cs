using GuestMemFs.Heap;
using GuestMemFs.Inspection;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs;

/// <summary>
/// Reads a region's bytes, for copies. Memory that was never touched is not touched by this either: where space is
/// taken on demand, a load through a mapping would take it, so such regions are read from their files.
/// </summary>
/// <remarks>
/// Thread-safe, but for <see cref="Dispose"/>. Beside a living writer each byte is of another instant: a heap that is
/// read so is torn.
/// </remarks>
public sealed class RegionReader : IDisposable
{
    private readonly PersistentRegion _region;
    private readonly List<(long Start, long Length, SafeFileHandle File)> _files = [];

    private RegionReader(PersistentRegion region)
    {
        _region = region;
        Name = region.Name;
        LengthBytes = region.Length;
        UsedBytes = InspectedArena.HeapOf(region) is { } heap
            ? new HeapFrontier(heap).TryRead(out long page) ? page << HeapFormat.PageShift : LengthBytes
            : region.Kind == RegionKind.Heap ? 0 : LengthBytes;
    }

    /// <summary>The region's name.</summary>
    public string Name { get; }

    /// <summary>The region's length in bytes.</summary>
    public long LengthBytes { get; }

    /// <summary>
    /// How many bytes, from the first on, are worth a copy: of a heap what it has handed out (all, where that does not
    /// check), of other regions all.
    /// </summary>
    public long UsedBytes { get; }

    /// <summary>Copies a part.</summary>
    /// <param name="offset">Bytes from the region's start.</param>
    /// <param name="destination">As many bytes as this is long are read.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not within the region.</exception>
    /// <exception cref="IOException">A file of the region ended, or could not be read.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        if (_files.Count == 0)
        {
            _region.AsSpan(offset, destination.Length).CopyTo(destination);
            return;
        }

        if (offset < 0 || offset > LengthBytes - destination.Length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(offset),
                offset,
                $"Region '{Name}' has {LengthBytes} bytes; {destination.Length} at {offset} are not within it.");
        }

        ReadFiles(offset, destination);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        CloseFiles();
        _region.Dispose();
    }

    internal static RegionReader Open(InspectedArena arena, string name)
    {
        RegionReader reader = new(arena.Reader().OpenRegion(name));
        try
        {
            ArenaSnapshot it = arena.Read();
            RegionSnapshot facts = it.Find(name)
                ?? throw new RegionNotFoundException(arena.Medium.Location, name, it.Regions.Count);

            // A heap's memory is backed up to its frontier, and no more of it is worth a copy.
            bool hasHoles = facts.Info is { Reserve: RegionReserve.OnDemand, Kind: not RegionKind.Heap };
            if (hasHoles && arena.Medium.Capabilities.FreshMemoryIsZero)
            {
                reader.OpenFiles(facts, arena);
            }

            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>Where the medium's files have no paths, the bytes are read through the mapping after all.</summary>
    private void OpenFiles(RegionSnapshot facts, InspectedArena arena)
    {
        long start = 0;
        foreach (ExtentSnapshot extent in facts.Extents)
        {
            string name = arena.Locate(extent) ?? throw ExtentException.Missing(
                Name,
                extent.Id,
                Arena.ExtentFiles.NameOf(extent.Id),
                extent.FileLengthBytes,
                arena.Medium.Location,
                "it went away while it was looked at");
            if (arena.Medium.PathOf(name) is not { } path)
            {
                CloseFiles();
                return;
            }

            SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            _files.Add((start, extent.UsedBytes, file));
            start += extent.UsedBytes;
        }
    }

    private void CloseFiles()
    {
        _files.ForEach(file => file.File.Dispose());
        _files.Clear();
    }

    private void ReadFiles(long offset, Span<byte> destination)
    {
        foreach ((long start, long length, SafeFileHandle file) in _files)
        {
            while (destination.Length > 0 && offset >= start && offset < start + length)
            {
                int part = (int)Math.Min(destination.Length, start + length - offset);
                int read = RandomAccess.Read(file, destination[..part], offset - start);
                if (read <= 0)
                {
                    throw new IOException($"A file of region '{Name}' ended at {offset - start}.");
                }

                offset += read;
                destination = destination[read..];
            }
        }
    }
}
