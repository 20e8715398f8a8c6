using System.Buffers;

namespace GuestMemFs.PublicSurface;

/// <summary>
/// Each call on a collection whose region was disposed of is refused by type: memory that is gone reads as zeros, and
/// an answer made of zeros would be a wrong one.
/// </summary>
public sealed class GoneRegionTests
{
    private const int Entries = 400;

    private static readonly Dictionary<string, Action<World>> s_reads = new(StringComparer.Ordinal)
    {
        ["heap statistics"] = world => world.Heap.GetStatistics(),
        ["dictionary get"] = world => world.Dictionary.Get("k1"u8),
        ["dictionary get of none"] = world => world.Dictionary.Get("none"u8),
        ["dictionary contains"] = world => world.Dictionary.ContainsKey("k1"u8),
        ["dictionary count"] = world => _ = world.Dictionary.Count,
        ["dictionary expiring"] = world => _ = world.Dictionary.ExpiringCount,
        ["dictionary bytes"] = world => _ = world.Dictionary.RecordBytes,
        ["map get"] = world => world.Map.Get("k1"u8),
        ["map get of none"] = world => world.Map.Get("none"u8),
        ["map contains"] = world => world.Map.ContainsKey("k1"u8),
        ["map count"] = world => _ = world.Map.Count,
        ["map expiring"] = world => _ = world.Map.ExpiringCount,
        ["map bytes"] = world => _ = world.Map.RecordBytes,
        ["map first"] = world => world.Map.TryGetFirst(out _),
        ["map last"] = world => world.Map.TryGetLast(out _),
        ["map floor"] = world => world.Map.TryGetFloor("k3"u8, out _),
        ["map ceiling"] = world => world.Map.TryGetCeiling("k3"u8, out _),
        ["map rank"] = world => world.Map.Rank("k3"u8),
        ["map range"] = world => world.Map.CountRange("k1"u8, "k3"u8),
        ["map at"] = world => world.Map.TryGetAt(3, out _),
        ["map at none"] = world => world.Map.TryGetAt(Entries, out _),
        ["map scan"] = world => world.Map.Scan().MoveNext(),
        ["map scan down"] = world => world.Map.ScanDescending().MoveNext(),
        ["section count"] = world => _ = world.Map.Section("k"u8).Count,
        ["section get"] = world => world.Map.Section("k"u8).Get("1"u8),
        ["log count"] = world => _ = world.Log.Count,
        ["log last id"] = world => _ = world.Log.LastId,
        ["log get"] = world => world.Log.Get(world.Id),
        ["log get of none"] = world => world.Log.Get(LogEntryId.MaxValue),
        ["log try get"] = world => world.Log.TryGet(world.Id, new ArrayBufferWriter<byte>()),
        ["log first"] = world => world.Log.TryGetFirst(out _),
        ["log last"] = world => world.Log.TryGetLast(out _),
        ["log read"] = world => world.Log.Read().MoveNext(),
        ["log read down"] = world => world.Log.ReadDescending().MoveNext(),
        ["log positions"] = world => _ = world.Log.Positions,
        ["log position"] = world => world.Log.TryGetPosition("one", out _),
        ["list count"] = world => _ = world.List.Count,
        ["list get"] = world => world.List.Get(1),
        ["list first"] = world => world.List.TryGetFirst(out _),
        ["list last"] = world => world.List.TryGetLast(out _),
        ["list scan"] = world => world.List.Scan().MoveNext(),
        ["set contains"] = world => world.Set.Contains("k1"u8),
        ["set random"] = world => world.Set.TryGetRandom(out _),
        ["set scan"] = world => world.Set.Scan().MoveNext(),
        ["set union"] = world => PersistentSet.Union(world.Set).MoveNext(),
        ["queue count"] = world => _ = world.Queue.Count,
        ["queue leased"] = world => _ = world.Queue.LeasedCount,
        ["queue peek"] = world => world.Queue.TryPeek(out _),
        ["bytes length"] = world => _ = world.Bytes.Length,
        ["bytes read"] = world => world.Bytes.Read(0, new byte[8]),
        ["bitmap get"] = world => world.Bitmap.Get(7),
        ["bitmap count"] = world => world.Bitmap.Count(),
        ["bitmap next"] = world => world.Bitmap.TryGetNext(0, out _),
    };

    // What a cursor copied when it was there, it may still show.
    private static readonly Dictionary<string, Action<World>> s_walks = new(StringComparer.Ordinal)
    {
        ["cursor of a map"] = world => ToTheEnd(world.MapCursor.MoveNext),
        ["cursor of a log"] = world => ToTheEnd(world.LogCursor.MoveNext),
        ["cursor of a list"] = world => ToTheEnd(world.ListCursor.MoveNext),
    };

    private static readonly Dictionary<string, Action<World>> s_writes = new(StringComparer.Ordinal)
    {
        ["dictionary set"] = world => world.Dictionary.Set("k1"u8, "late"u8),
        ["dictionary remove"] = world => world.Dictionary.Remove("k1"u8),
        ["dictionary increment"] = world => world.Dictionary.Increment("number"u8),
        ["dictionary clear"] = world => world.Dictionary.Clear(),
        ["dictionary sweep"] = world => world.Dictionary.RemoveExpired(10),
        ["dictionary garbage"] = world => world.Dictionary.CollectGarbage(10),
        ["dictionary group"] = world => world.Dictionary.BeginAtomic(),
        ["heap compaction"] = world => world.Heap.Compact(TimeSpan.FromMilliseconds(1)),
        ["map set"] = world => world.Map.Set("k1"u8, "late"u8),
        ["map remove"] = world => world.Map.Remove("k1"u8),
        ["map sweep"] = world => world.Map.RemoveExpired(10),
        ["section remove"] = world => world.Map.Section("k"u8).RemoveFirst(3),
        ["log append"] = world => world.Log.Append("late"u8),
        ["log trim"] = world => world.Log.TrimToCount(1),
        ["log garbage"] = world => world.Log.CollectGarbage(1),
        ["log position"] = world => world.Log.SetPosition("one", world.Id),
        ["log position removed"] = world => world.Log.RemovePosition("one"),
        ["list add"] = world => world.List.AddLast("late"u8),
        ["list insert"] = world => world.List.Insert(1, "late"u8),
        ["list remove"] = world => world.List.RemoveAt(0),
        ["set add"] = world => world.Set.Add("late"u8),
        ["queue enqueue"] = world => world.Queue.Enqueue(1, "late"u8),
        ["queue dequeue"] = world => world.Queue.TryDequeue(out _),
        ["bytes append"] = world => world.Bytes.Append("late"u8),
        ["bytes length"] = world => world.Bytes.SetLength(1),
        ["bitmap set"] = world => world.Bitmap.Set(9, true),
    };

    [Theory]
    [InlineData(ArenaAccess.ReadWrite)]
    [InlineData(ArenaAccess.ReadOnly)]
    public void Each_call_on_a_region_that_is_gone_is_refused(ArenaAccess access)
    {
        using TestFolder directory = new();
        World.Make(directory["arena"]);
        using World world = World.Open(directory["arena"], access);
        Dictionary<string, Action<World>>[] tables =
            access == ArenaAccess.ReadOnly ? [s_reads, s_walks] : [s_reads, s_walks, s_writes];
        foreach ((string name, Action<World> call) in s_reads)
        {
            Exception? before = Record.Exception(() => call(world));
            Assert.True(before is null, $"{name} before: {before}");
        }

        world.Region.Dispose();

        Assert.Empty(tables.SelectMany(table => table)
            .Select(call => (call.Key, Error: Record.Exception(() => call.Value(world))))
            .Where(call => call.Error is not ObjectDisposedException)
            .Select(call => $"{call.Key}: {call.Error?.ToString() ?? "an answer"}"));
    }

    // Another thread disposes of the region as the value is about to be read: zeros are not taken for it.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_value_that_goes_while_it_is_read_is_no_answer(bool ofMap)
    {
        using TestFolder directory = new();
        using World world = World.Open(directory["arena"], ArenaAccess.ReadWrite);
        world.Map.Set("k"u8, "value"u8);
        world.Dictionary.Set("k"u8, "value"u8);
        Gone reader = new(world.Region);

        Assert.Throws<ObjectDisposedException>(() =>
            ofMap ? world.Map.TryRead("k"u8, ref reader) : world.Dictionary.TryRead("k"u8, ref reader));

        Assert.Equal([0, 0, 0, 0, 0], reader.Seen);
    }

    private static void ToTheEnd(Func<bool> moveNext)
    {
        while (moveNext())
        {
            // Each step may be the one that finds the region gone.
        }
    }

    private struct Gone(PersistentRegion region) : IRecordReader
    {
        public byte[]? Seen { get; private set; }

        public void Read(in RecordView record)
        {
            region.Dispose();
            Seen ??= record.Value.ToArray();
        }
    }

    private sealed class World : EachCollection, IDisposable
    {
        private readonly PersistentArena _arena;

        private World(PersistentArena arena, PersistentRegion region)
            : base(region)
        {
            _arena = arena;
            (Id, MapCursor, LogCursor, ListCursor) = (Log.LastId, Map.Scan(), Log.Read(), List.Scan());
            _ = MapCursor.MoveNext() && LogCursor.MoveNext() && ListCursor.MoveNext();
        }

        public LogEntryId Id { get; }

        public SortedMapCursor MapCursor { get; }

        public LogCursor LogCursor { get; }

        public ElementCursor ListCursor { get; }

        public static World Open(string directory, ArenaAccess access)
        {
            ArenaOptions options = new() { Directory = directory, Access = access };
            PersistentArena arena = access == ArenaAccess.ReadOnly
                ? PersistentArena.Open(options)
                : PersistentArena.OpenOrCreate(options);
            return new World(arena, access == ArenaAccess.ReadOnly
                ? arena.OpenRegion("heap")
                : arena.OpenOrCreateRegion("heap", 16 << 20, new RegionOptions { Kind = RegionKind.Heap }));
        }

        public static void Make(string directory)
        {
            using World world = Open(directory, ArenaAccess.ReadWrite);
            for (int i = 0; i < Entries; i++)
            {
                byte[] key = System.Text.Encoding.UTF8.GetBytes($"k{i}");
                world.Dictionary.Set(key, key);
                world.Map.Set(key, key);
                world.Log.Append(key);
                world.List.AddLast(key);
                world.Set.Add(key);
                world.Queue.Enqueue(i, key);
                world.Bytes.Append(key);
            }

            world.Log.SetPosition("one", world.Log.LastId);
            world.Bitmap.Set(7, true);
        }

        public void Dispose()
        {
            Region.Dispose();
            _arena.Dispose();
        }
    }
}
