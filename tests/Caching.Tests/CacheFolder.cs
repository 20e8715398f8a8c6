using Microsoft.Extensions.Time.Testing;

namespace GuestMemFs.Caching.Tests;

/// <summary>A cache in an arena of its own, which can be closed and opened again.</summary>
internal sealed class CacheFolder : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly PersistentCacheOptions _options;
    private readonly long _size;
    private PersistentArena? _arena;
    private PersistentRegion? _region;
    private PersistentHeap? _heap;

    public CacheFolder(long size = 32 << 20, long sizeLimit = 0)
    {
        _size = size;
        _options = new PersistentCacheOptions { SizeLimit = sizeLimit, TimeProvider = Clock };
        Open();
    }

    public FakeTimeProvider Clock { get; } = new(DateTimeOffset.UtcNow);

    public PersistentCache Cache { get; private set; } = null!;

    public PersistentHeap Heap => _heap!;

    /// <summary>Closes the arena, and opens it again.</summary>
    public void Reopen()
    {
        Close();
        Open();
    }

    public void Dispose()
    {
        Close();
        _folder.Dispose();
    }

    private void Open()
    {
        _arena = PersistentArena.OpenOrCreate(
            new ArenaOptions { Directory = _folder["arena"], MetadataSize = 2 << 20 });
        _region = _arena.OpenOrCreateRegion("cache", _size, new RegionOptions { Kind = RegionKind.Heap });
        _heap = PersistentHeap.Open(_region);
        Cache = PersistentCache.OpenOrCreate(_heap, "cache", _options);
    }

    private void Close()
    {
        _region?.Dispose();
        _arena?.Dispose();
    }
}
