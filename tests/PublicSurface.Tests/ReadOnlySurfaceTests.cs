using System.Reflection;
using System.Runtime.InteropServices;

namespace GuestMemFs.PublicSurface;

/// <summary>
/// Everything public that works on an arena's memory, called on one that was opened read-only: a writer is refused with
/// a type, a reader is not. What is public and in neither table fails the test, so that a new writer is not forgotten.
/// </summary>
public sealed class ReadOnlySurfaceTests
{
    /// <summary>
    /// The writers, by type and method. All are called; each throws <see cref="ArenaReadOnlyException"/>.
    /// </summary>
    private static readonly Dictionary<string, Action<World>> s_writers = new(StringComparer.Ordinal)
    {
        ["PersistentArena.CreateRegion"] = world => world.Arena.CreateRegion("new", 2 << 20),
        ["PersistentArena.DeleteRegion"] = world => world.Arena.DeleteRegion("raw"),
        ["PersistentArena.RenameRegion"] = world => world.Arena.RenameRegion("raw", "other"),
        ["PersistentArena.OpenOrCreateRegion"] = world => world.Arena.OpenOrCreateRegion("new", 2 << 20),
        ["PersistentArena.Freeze"] = world => world.Arena.Freeze(),
        ["PersistentArena.Thaw"] = world => world.Arena.Thaw(),
        ["PersistentArena.Create"] = world =>
            PersistentArena.Create(new ArenaOptions { Directory = world.Directory, Access = ArenaAccess.ReadOnly }),
        ["PersistentArena.OpenOrGrowRegion"] = world => world.Arena.OpenOrGrowRegion("new", 2 << 20),
        ["PersistentRegion.Grow"] = world => world.Raw.Grow(4 << 20),
        ["PersistentRegion.SetNuma"] = world => world.Raw.SetNuma(NumaPolicy.Bind(0)),
        ["PersistentRegion.EnsureBacked"] = world => world.Raw.EnsureBacked(0, 4096),
        ["PersistentHeap.Adopt"] = world => PersistentHeap.Adopt(world.Region),
        ["PersistentHeap.Compact"] = world => world.Heap.Compact(TimeSpan.FromMilliseconds(1)),
        ["PersistentHeap.BeginAtomic"] = world => world.Heap.BeginAtomic(),
        ["PersistentHeap.Open"] = world => PersistentHeap.Open(world.Arena.OpenRegion("never formatted")),
        ["PersistentHeap.OpenOrCreateRoot"] = world => world.Heap.OpenOrCreateRoot<long>("new"),
        ["PersistentHeap.MigrateRoot"] = world =>
            world.Heap.MigrateRoot<Node, long>("root", static (in Node _) => 0),
        ["PersistentHeap.Put"] = world => world.Heap.Put(world.Root.Value.Next, default(Node)),
        ["PersistentHeap.PutBytes"] = world => world.Heap.PutBytes(world.Root.Value.Text, "new"u8),
        ["PersistentHeap.Insert"] = world => world.Heap.Insert(world.Root.Value.Next, default(Node)),
        ["PersistentHeap.Remove"] = world => world.Heap.Remove(world.Root.Value.Next, default),
        ["PersistentHeap.Link"] = world => world.Heap.Link(world.Root.Value.Next, default),
        ["PersistentHeap.Allocate"] = world => world.Heap.Allocate(default(Node)),
        ["PersistentHeap.AllocateBytes"] = world => world.Heap.AllocateBytes("new"u8),
        ["PersistentHeap.Release"] = world => world.Heap.Release(world.Root.Value.Text),
        ["PersistentHeap.Free"] = world => world.Heap.Free(world.Root.Value.Text),
        ["PersistentRoot`1.Set"] = world => world.Root.Set(default),
        ["PersistentDictionary.OpenOrCreate"] = world => PersistentDictionary.OpenOrCreate(world.Heap, "new"),
        ["PersistentDictionary.BeginAtomic"] = world => world.Dictionary.BeginAtomic(),
        ["PersistentDictionary.Clear"] = world => world.Dictionary.Clear(),
        ["PersistentDictionary.CollectGarbage"] = world => world.Dictionary.CollectGarbage(10),
        ["PersistentDictionary.RemoveExpired"] = world => world.Dictionary.RemoveExpired(5000),
        ["PersistentDictionary.Expire"] = world =>
            world.Dictionary.Expire("expiring"u8, DateTimeOffset.UtcNow.AddHours(5)),
        ["PersistentDictionary.Remove"] = world => world.Dictionary.Remove("text"u8),
        ["PersistentDictionary.TryAdd"] = world => world.Dictionary.TryAdd("new"u8, "value"u8),
        ["PersistentDictionary.TryUpdate"] = world => world.Dictionary.TryUpdate("text"u8, "other"u8, "value"u8),
        ["PersistentDictionary.GetAndSet"] = world => world.Dictionary.GetAndSet("text"u8, "other"u8),
        ["PersistentDictionary.Increment"] = world => world.Dictionary.Increment("number"u8),
        ["PersistentDictionary.Set"] = world => world.Dictionary.Set("text"u8, "other"u8),
        ["PersistentDictionary.Mutate"] = world =>
        {
            var mutation = new Overwrite();
            world.Dictionary.Mutate("text"u8, ref mutation);
        },
        ["PersistentSortedMap.OpenOrCreate"] = world => PersistentSortedMap.OpenOrCreate(world.Heap, "new"),
        ["PersistentSortedMap.BeginAtomic"] = world => world.Map.BeginAtomic(),
        ["PersistentSortedMapSection.Expire"] = world =>
            world.Section.Expire("xt"u8, DateTimeOffset.UtcNow.AddHours(5)),
        ["PersistentSortedMapSection.Remove"] = world => world.Section.Remove("xt"u8),
        ["PersistentSortedMapSection.RemoveFirst"] = world => world.Section.RemoveFirst(1),
        ["PersistentSortedMapSection.TryAdd"] = world => world.Section.TryAdd("new"u8, "value"u8),
        ["PersistentSortedMapSection.TryUpdate"] = world => world.Section.TryUpdate("xt"u8, "other"u8, "value"u8),
        ["PersistentSortedMapSection.Increment"] = world => world.Section.Increment("number"u8),
        ["PersistentSortedMapSection.Set"] = world => world.Section.Set("xt"u8, "other"u8),
        ["PersistentSortedMapSection.Mutate"] = world =>
        {
            var mutation = new Overwrite();
            world.Section.Mutate("xt"u8, ref mutation);
        },
        ["NestedCollections.OpenOrCreate"] = world =>
            NestedCollections.OpenOrCreate(world.Heap, world.Dictionary, "new"),
        ["NestedCollections.Begin"] = world => world.Nested.Begin("text"u8),
        ["NestedCollections.BeginBytes"] = world => world.Nested.BeginBytes("text"u8),
        ["NestedCollections.Complete"] = world => world.Nested.Complete(1),
        ["NestedCollections.BeforeDrop"] = world => world.Nested.BeforeDrop(1),
        ["NestedCollections.BeforeExpiry"] = world => world.Nested.BeforeExpiry(1, DateTimeOffset.UtcNow),
        ["NestedCollections.Move"] = world => world.Nested.Move(1, "text"u8),
        ["NestedCollections.BeforeClear"] = world => world.Nested.BeforeClear(),
        ["NestedCollections.CollectGarbage"] = world => world.Nested.CollectGarbage(1),
        ["PersistentSortedMap.RemoveExpired"] = world => world.Map.RemoveExpired(5000),
        ["PersistentSortedMap.Expire"] = world => world.Map.Expire("text"u8, DateTimeOffset.UtcNow.AddHours(5)),
        ["PersistentSortedMap.Remove"] = world => world.Map.Remove("text"u8),
        ["PersistentSortedMap.TryAdd"] = world => world.Map.TryAdd("new"u8, "value"u8),
        ["PersistentSortedMap.TryUpdate"] = world => world.Map.TryUpdate("text"u8, "other"u8, "value"u8),
        ["PersistentSortedMap.Increment"] = world => world.Map.Increment("number"u8),
        ["PersistentSortedMap.Set"] = world => world.Map.Set("text"u8, "other"u8),
        ["PersistentSortedMap.Load"] = world => world.Map.Load([new("text"u8.ToArray(), [])]),
        ["PersistentSortedMap.Mutate"] = world =>
        {
            var mutation = new Overwrite();
            world.Map.Mutate("text"u8, ref mutation);
        },
        ["PersistentLog.OpenOrCreate"] = world => PersistentLog.OpenOrCreate(world.Heap, "new"),
        ["PersistentLog.BeginAtomic"] = world => world.Log.BeginAtomic(),
        ["PersistentLog.Append"] = world => world.Log.Append("other"u8),
        ["PersistentLog.TryAppend"] = world => world.Log.TryAppend(LogEntryId.MaxValue, "other"u8),
        ["PersistentLog.TrimBefore"] = world => world.Log.TrimBefore(LogEntryId.MaxValue),
        ["PersistentLog.TrimToCount"] = world => world.Log.TrimToCount(0),
        ["PersistentLog.Clear"] = world => world.Log.Clear(),
        ["PersistentLog.CollectGarbage"] = world => world.Log.CollectGarbage(1),
        ["PersistentLog.SetPosition"] = world => world.Log.SetPosition("consumer", LogEntryId.MaxValue),
        ["PersistentLog.RemovePosition"] = world => world.Log.RemovePosition("consumer"),
        ["PersistentList.OpenOrCreate"] = world => PersistentList.OpenOrCreate(world.Heap, "new"),
        ["PersistentList.AddFirst"] = world => world.List.AddFirst("new"u8),
        ["PersistentList.AddLast"] = world => world.List.AddLast("new"u8),
        ["PersistentList.Set"] = world => world.List.Set(0, "new"u8),
        ["PersistentList.Insert"] = world => world.List.Insert(0, "new"u8),
        ["PersistentList.TryRemoveFirst"] = world => world.List.TryRemoveFirst(out _),
        ["PersistentList.TryRemoveLast"] = world => world.List.TryRemoveLast(out _),
        ["PersistentList.RemoveAt"] = world => world.List.RemoveAt(0),
        ["PersistentList.RemoveRange"] = world => world.List.RemoveRange(0, 1),
        ["PersistentList.Trim"] = world => world.List.Trim(0, 0),
        ["PersistentList.Clear"] = world => world.List.Clear(),
        ["PersistentSet.OpenOrCreate"] = world => PersistentSet.OpenOrCreate(world.Heap, "new"),
        ["PersistentSet.Add"] = world => world.Set.Add("new"u8),
        ["PersistentSet.Remove"] = world => world.Set.Remove("text"u8),
        ["PersistentSet.TryRemoveRandom"] = world => world.Set.TryRemoveRandom(out _),
        ["PersistentSet.ReplaceWith"] = world => world.Set.ReplaceWith(PersistentSet.Union()),
        ["PersistentSet.UnionWith"] = world => world.Set.UnionWith(),
        ["PersistentSet.IntersectWith"] = world => world.Set.IntersectWith(),
        ["PersistentSet.ExceptWith"] = world => world.Set.ExceptWith(),
        ["PersistentSet.Clear"] = world => world.Set.Clear(),
        ["PersistentPriorityQueue.OpenOrCreate"] = world => PersistentPriorityQueue.OpenOrCreate(world.Heap, "new"),
        ["PersistentPriorityQueue.Enqueue"] = world => world.Queue.Enqueue(1, "new"u8),
        ["PersistentPriorityQueue.TryDequeue"] = world => world.Queue.TryDequeue(out _),
        ["PersistentPriorityQueue.TryDequeueDue"] = world => world.Queue.TryDequeueDue(out _),
        ["PersistentPriorityQueue.TryLease"] = world => world.Queue.TryLease(TimeSpan.FromSeconds(1), out _),
        ["PersistentPriorityQueue.TryLeaseDue"] = world => world.Queue.TryLeaseDue(TimeSpan.FromSeconds(1), out _),
        ["PersistentPriorityQueue.Complete"] = world => world.Queue.Complete(default),
        ["PersistentPriorityQueue.TryExtend"] = world =>
            world.Queue.TryExtend(default, TimeSpan.FromSeconds(1), out _),
        ["PersistentPriorityQueue.Return"] = world => world.Queue.Return(default),
        ["PersistentPriorityQueue.ReturnPassedLeases"] = world => world.Queue.ReturnPassedLeases(),
        ["PersistentPriorityQueue.Remove"] = world => world.Queue.Remove(new QueueEntryId(1, 1)),
        ["PersistentPriorityQueue.TryChangePriority"] = world =>
            world.Queue.TryChangePriority(new QueueEntryId(1, 1), 2, out _),
        ["PersistentBytes.OpenOrCreate"] = world => PersistentBytes.OpenOrCreate(world.Heap, "new"),
        ["PersistentBytes.Write"] = world => world.Bytes.Write(0, "new"u8),
        ["PersistentBytes.Append"] = world => world.Bytes.Append("new"u8),
        ["PersistentBytes.SetLength"] = world => world.Bytes.SetLength(0),
        ["PersistentBitmap.OpenOrCreate"] = world => PersistentBitmap.OpenOrCreate(world.Heap, "new"),
        ["PersistentBitmap.Set"] = world => world.Bitmap.Set(7, false),
    };

    /// <summary>What reads, or ends what could not be begun (a group).</summary>
    private static readonly string[] s_readers =
    [
        "PersistentArena.GetSpace", "PersistentArena.GetRegionFiles", "PersistentArena.ListRegions",
        "PersistentArena.BorrowRegion", "PersistentArena.OpenRegion",
        "PersistentArena.TryOpenRegion", "PersistentArena.FindRegion", "PersistentArena.CheckFiles",
        "PersistentArena.Open", "PersistentArena.OpenOrCreate", "PersistentArena.Dispose",
        "PersistentRegion.ReadPages", "PersistentRegion.AsSpan", "PersistentRegion.Flush", "PersistentRegion.Dispose",
        "PersistentRegion.ReadNuma",
        "PersistentHeap.GetStatistics", "PersistentHeap.ProtectObjects", "PersistentHeap.Read",
        "PersistentHeap.ReadBytes",
        "PersistentDictionary.Exists",
        "PersistentDictionary.ContainsKey", "PersistentDictionary.TryRead", "PersistentDictionary.TryVisitRandom",
        "PersistentDictionary.Get", "PersistentDictionary.Scan",
        "PersistentDictionary.Prefetch", "PersistentDictionary.ReadMany", "AtomicGroup.Commit", "AtomicGroup.Dispose",
        "AtomicGroup.Savepoint", "AtomicGroup.RollBackTo",
        "PersistentSortedMap.TryRead", "PersistentSortedMap.Get", "PersistentSortedMap.ContainsKey",
        "PersistentSortedMap.Scan", "PersistentSortedMap.ScanDescending", "PersistentSortedMap.TryGetFirst",
        "PersistentSortedMap.TryGetLast", "PersistentSortedMap.TryGetFloor", "PersistentSortedMap.TryGetCeiling",
        "PersistentSortedMap.TryGetAt", "PersistentSortedMap.Rank", "PersistentSortedMap.CountRange",
        "PersistentSortedMapSection.TryRead", "PersistentSortedMapSection.Get",
        "PersistentSortedMapSection.ContainsKey", "PersistentSortedMapSection.Scan",
        "PersistentSortedMapSection.ScanDescending", "PersistentSortedMapSection.TryGetFirst",
        "PersistentSortedMapSection.TryGetLast", "PersistentSortedMapSection.TryGetFloor",
        "PersistentSortedMapSection.TryGetCeiling", "PersistentSortedMapSection.TryGetAt",
        "PersistentSortedMapSection.Rank", "PersistentSortedMapSection.CountRange", "NestedCollections.Exists",
        "NestedCollections.TryGetReference", "NestedCollections.WriteReference", "NestedCollections.Find",
        "NestedCollections.Section", "NestedCollections.Bytes",
        "PersistentLog.Get", "PersistentLog.TryGet", "PersistentLog.TryGetFirst", "PersistentLog.TryGetLast",
        "PersistentLog.Read", "PersistentLog.ReadAfter", "PersistentLog.ReadDescending", "PersistentLog.FollowAsync",
        "PersistentLog.WaitAsync", "PersistentLog.TryGetPosition",
        "PersistentList.Get", "PersistentList.TryGet", "PersistentList.TryGetFirst", "PersistentList.TryGetLast",
        "PersistentList.GetEnumerator", "PersistentList.Scan", "PersistentList.ScanDescending",
        "PersistentSet.Union", "PersistentSet.Intersection", "PersistentSet.Difference", "PersistentSet.Contains",
        "PersistentSet.TryGetRandom", "PersistentSet.GetEnumerator", "PersistentSet.Scan",
        "PersistentPriorityQueue.TryPeek", "PersistentPriorityQueue.Contains", "PersistentPriorityQueue.GetEnumerator",
        "PersistentPriorityQueue.GetLeases", "PersistentBytes.Read", "PersistentBytes.AsStream",
        "PersistentBitmap.Get", "PersistentBitmap.Count", "PersistentBitmap.TryGetNext",
    ];

    private static readonly Type[] s_types =
    [
        typeof(PersistentArena), typeof(PersistentRegion), typeof(PersistentHeap), typeof(PersistentRoot<>),
        typeof(PersistentDictionary), typeof(PersistentSortedMap), typeof(PersistentSortedMapSection),
        typeof(NestedCollections), typeof(PersistentLog), typeof(PersistentList), typeof(PersistentSet),
        typeof(PersistentPriorityQueue), typeof(PersistentBytes), typeof(PersistentBitmap), typeof(AtomicGroup),
    ];

    public static TheoryData<string> Writers => [.. s_writers.Keys];

    [Fact]
    public void Everything_public_is_known_as_reader_or_writer()
    {
        const BindingFlags declared = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static
            | BindingFlags.DeclaredOnly;
        string[] there = [.. s_types.SelectMany(type =>
            type.GetMethods(declared).Where(method =>
                !method.IsSpecialName && method.GetBaseDefinition().DeclaringType == type)
            .Select(method => $"{type.Name}.{method.Name}")).Distinct().Order(StringComparer.Ordinal)];

        Assert.Equal(s_writers.Keys.Concat(s_readers).Order(StringComparer.Ordinal), there);
    }

    [Theory, MemberData(nameof(Writers))]
    public void A_writer_is_refused(string name)
    {
        using var world = World.Open();

        var refused = Assert.Throws<ArenaReadOnlyException>(() => s_writers[name](world));

        Assert.Equal(ReasonCodes.ArenaReadOnly, refused.ReasonCode);
        Assert.Equal("value"u8.ToArray(), world.Dictionary.Get("text"u8));
        Assert.Equal(3, world.Dictionary.Count);
        Assert.Equal("value"u8.ToArray(), world.Map.Get("text"u8));
        Assert.Equal(1, world.Map.Count);
        Assert.True(world.Log.TryGetFirst(out var entry));
        Assert.Equal("value"u8, entry.Value);
        Assert.Equal(1, world.Log.Count);
        Assert.True(world.Log.TryGetPosition("consumer", out LogEntryId position));
        Assert.Equal(LogEntryId.None, position);
        Assert.Equal("value"u8.ToArray(), world.List.Get(0));
        Assert.Equal(1, world.List.Count);
        Assert.Equal((true, 1), (world.Set.Contains("text"u8), world.Set.Count));
        Assert.Equal((true, 1), (world.Queue.Contains(new QueueEntryId(1, 1)), world.Queue.Count));
        byte[] bytes = new byte[10];
        Assert.Equal(5, world.Bytes.Read(0, bytes));
        Assert.Equal("value\0\0\0\0\0"u8.ToArray(), bytes);
        Assert.True(world.Bitmap.Get(7));
        Assert.Equal("text"u8.ToArray(), world.Heap.ReadBytes(world.Root.Value.Text).ToArray());
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Node
    {
        public Offset<Node> Next;
        public Offset<byte> Text;
    }

    private struct Overwrite : IRecordMutation
    {
        public readonly RecordChange Decide(in RecordView current) => RecordChange.Put(4);

        public readonly void Write(in RecordView current, Span<byte> value) => value.Fill(1);
    }

    /// <summary>An arena with one of each thing, closed, and opened read-only.</summary>
    private sealed class World : EachCollection, IDisposable
    {
        private readonly TestFolder _directory;

        private World(TestFolder directory, PersistentArena arena)
            : base(arena.OpenRegion("heap"))
        {
            _directory = directory;
            Arena = arena;
            Raw = arena.OpenRegion("raw");
            Root = Heap.OpenOrCreateRoot<Node>("root");
        }

        public string Directory => _directory["arena"];

        public PersistentArena Arena { get; }

        public PersistentRegion Raw { get; }

        public PersistentRoot<Node> Root { get; }

        public PersistentSortedMapSection Section => Map.Section("te"u8);

        public static World Open()
        {
            TestFolder directory = new();
            using (PersistentArena writer = PersistentArena.Create(new ArenaOptions { Directory = directory["arena"] }))
            {
                Fill(writer);
            }

            return new World(directory, PersistentArena.Open(
                new ArenaOptions { Directory = directory["arena"], Access = ArenaAccess.ReadOnly }));
        }

        public void Dispose()
        {
            Region.Dispose();
            Raw.Dispose();
            Arena.Dispose();
            _directory.Dispose();
        }

        private static void Fill(PersistentArena writer)
        {
            RegionOptions options = new() { Kind = RegionKind.Heap };
            writer.CreateRegion("raw", 2 << 20).Dispose();
            writer.CreateRegion("never formatted", 8 << 20, options).Dispose();
            using PersistentRegion region = writer.CreateRegion("heap", 16 << 20, options);
            EachCollection each = new(region);
            each.Heap.PutBytes(each.Heap.OpenOrCreateRoot<Node>("root").Value.Text, "text"u8);
            each.Dictionary.Set("text"u8, "value"u8);
            each.Dictionary.Increment("number"u8);
            each.Dictionary.Set("expiring"u8, "value"u8, DateTimeOffset.UtcNow.AddHours(1));
            each.Map.Set("text"u8, "value"u8, DateTimeOffset.UtcNow.AddHours(1));
            each.Nested.Begin("absent"u8);
            each.Log.Append("value"u8);
            each.Log.SetPosition("consumer", LogEntryId.None);
            each.List.AddLast("value"u8);
            each.Set.Add("text"u8);
            Assert.Equal(new QueueEntryId(1, 1), each.Queue.Enqueue(1, "value"u8));
            each.Bytes.Append("value"u8);
            each.Bitmap.Set(7, true);
        }
    }
}
