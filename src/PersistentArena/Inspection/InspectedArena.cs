using GuestMemFs.Heap;
using GuestMemFs.Journal;
using GuestMemFs.Arena;

namespace GuestMemFs.Inspection;

/// <summary>What the parts of an inspection share: the medium, the arena as a reader opens it, the lock.</summary>
/// <remarks>Thread-safe, but for <see cref="Dispose"/>.</remarks>
internal sealed class InspectedArena(Medium medium, bool ownsMedium) : IDisposable
{
    private readonly Lock _lock = new();
    private PersistentArena? _reader;
    private ExtentFiles? _files;
    private WriterExclusion? _exclusion;
    private bool _disposed;

    /// <summary>Where the arena lies.</summary>
    public Medium Medium => medium;

    /// <summary>The memory of a region's heap; null where it is no heap's, or never held one.</summary>
    public static IHeapSpace? HeapOf(PersistentRegion region) =>
        region.Kind == RegionKind.Heap && region.IsFormatted ? new RegionHeapSpace(region) : null;

    /// <summary>Keeps writers out until this is disposed of.</summary>
    public void ExcludeWriters()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _exclusion ??= WriterExclusion.Take(Medium);
        }
    }

    /// <summary>Keeps writers out until the result is disposed of; null where they are kept out already.</summary>
    public IDisposable? KeepWritersOut()
    {
        lock (_lock)
        {
            if (_exclusion is not null)
            {
                return null;
            }

            ExcludeWriters();
            return new Readmission(this);
        }
    }

    /// <summary>The metadata now.</summary>
    public ArenaSnapshot Read() => Take(out _);

    /// <summary>What files there are now.</summary>
    public IReadOnlyList<ArenaFileSnapshot> ReadFiles()
    {
        ArenaSnapshot arena = Take(out MetadataImage image);
        return arena.Refusal is { } refusal
            ? throw refusal
            : FileSurveyor.Take(Medium, image, arena.Metadata.FileName, arena.HasWriter);
    }

    /// <summary>The name of the file that holds an extent; null where it is missing, cut or there twice.</summary>
    public string? Locate(ExtentSnapshot extent)
    {
        lock (_lock)
        {
            return (_files ??= Files()).Locate(new ExtentEntry(
                extent.Id,
                extent.Nonce,
                extent.FileLengthBytes,
                extent.UsedBytes,
                RegionId: 0,
                (uint)extent.Ordinal,
                (ExtentState)extent.Use));
        }
    }

    /// <summary>Opens a region, does something, closes it.</summary>
    public T WithRegion<T>(string name, Func<PersistentRegion, T> look)
    {
        ArgumentNullException.ThrowIfNull(name);
        using PersistentRegion region = Reader().OpenRegion(name);
        return look(region);
    }

    /// <summary>The arena as a reader opens it: once, for it sees itself what the writer commits.</summary>
    public PersistentArena Reader()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var options = new ArenaOptions { Medium = Medium, Access = ArenaAccess.ReadOnly };
            return _reader ??= PersistentArena.Open(options);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _reader?.Dispose();
            _exclusion?.Dispose();
            if (ownsMedium)
            {
                Medium.Dispose();
            }
        }
    }

    private ArenaSnapshot Take(out MetadataImage image)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            image = MetadataImage.Take(Medium)
                ?? throw new ArenaNotFoundException(Medium.Location, "no file is an arena's metadata");
            _files = null; // Extents come and go: where they lie is looked up anew.
            return image.ToSnapshot(writersExcluded: _exclusion is not null);
        }
    }

    private ExtentFiles Files()
    {
        ArenaSnapshot arena = Take(out MetadataImage image);
        return arena.Refusal is { } refusal
            ? throw refusal
            : new ExtentFiles(Medium, image.Superblock.ArenaId, image.Granularity, writable: false);
    }

    private sealed class Readmission(InspectedArena arena) : IDisposable
    {
        public void Dispose()
        {
            lock (arena._lock)
            {
                arena._exclusion?.Dispose();
                arena._exclusion = null;
            }
        }
    }
}
