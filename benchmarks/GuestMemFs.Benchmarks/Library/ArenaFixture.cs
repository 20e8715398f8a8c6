using KvStore.Demo;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>
/// An arena with a dictionary in a directory of its own: 16-byte keys, 100-byte values. It is deleted at the end.
/// </summary>
internal sealed class ArenaFixture : IDisposable
{
    public const int ValueLength = 100;
    private const int BytesAKey = 200;
    private readonly string _directory = Path.Combine(Settings.Parent,
        $"gmf-benchmarks-{Environment.ProcessId}-{Guid.NewGuid():N}");
    private readonly RegionReserve _reserve;
    private readonly HeapOptions _heap;
    private readonly long _size;
    private PersistentArena? _arena;

    public ArenaFixture(long keys)
        : this(keys, keys)
    {
    }

    /// <summary>
    /// With room for more keys than are in it, whose memory is taken from the medium as it is needed or at once.
    /// </summary>
    public ArenaFixture(long keys, long room, RegionReserve reserve = RegionReserve.OnDemand, HeapOptions? heap = null)
    {
        _heap = heap ?? new HeapOptions();
        _reserve = reserve;
        const long step = 2L << 20;
        _size = Math.Max(64L << 20, (room * BytesAKey * 3 / 2 / step + 1) * step);
        Directory.CreateDirectory(_directory);
        Open();
        var data = new Dataset(keys, ValueLength, 1);
        Span<byte> key = stackalloc byte[Dataset.KeyLength];
        Span<byte> value = stackalloc byte[ValueLength];
        for (long i = 0; i < keys; i++)
        {
            Dataset.Key(i, key);
            data.Value(i, 0, value);
            Dictionary.Set(key, value);
        }
    }

    public PersistentDictionary Dictionary { get; private set; } = null!;

    public PersistentHeap Heap { get; private set; } = null!;

    /// <summary>Opens everything, from the medium to the dictionary.</summary>
    public PersistentDictionary Open()
    {
        _arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = _directory, SizeHint = _size });
        PersistentRegion region = _arena.OpenOrCreateRegion("data", _size,
            new RegionOptions { Kind = RegionKind.Heap, Reserve = _reserve });
        Heap = PersistentHeap.Open(region, _heap);
        return Dictionary = PersistentDictionary.OpenOrCreate(Heap, "keys");
    }

    public void Close()
    {
        _arena?.Dispose();
        _arena = null;
    }

    public void Dispose()
    {
        Close();
        Directory.Delete(_directory, recursive: true);
    }
}
