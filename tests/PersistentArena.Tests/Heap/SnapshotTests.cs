using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using GuestMemFs.Format;
using GuestMemFs.Inspection;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Heap;

/// <summary>A heap as it was at one instant, beside what changes it.</summary>
public sealed class SnapshotTests
{
    private const long Length = 16 << 20;

    // For what is tried beside busy threads: on a machine with other work a try takes many times as long.
    private static readonly TimeSpan s_enough = TimeSpan.FromSeconds(2);

    /// <summary>The strongest there is to ask: no byte of it may change, whatever is done to the heap.</summary>
    [Theory]
    [Trait("speed", "slow")]
    [MemberData(nameof(TestMedia.All), MemberType = typeof(TestMedia))]
    public void No_byte_of_a_snapshot_changes(string kind)
    {
        Assert.SkipWhen(kind == "hugetlbfs-1g", "each snapshot would hold a page of 1 GiB");
        using TestMedium medium = TestMedia.Create(kind);
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = medium.Open() });
        using PersistentRegion region = arena.CreateRegion("heap", Length, new RegionOptions
        {
            Kind = RegionKind.Heap,
            MaximumLength = 4 * Length,
        });
        Everything live = new(PersistentHeap.Open(region), seed: 1);
        List<(PersistentSnapshot Snapshot, byte[] Bytes)> taken = [];
        for (int i = 0; i < 12; i++)
        {
            live.Change(40);
            PersistentSnapshot snapshot = live.Heap.TakeSnapshot();
            taken.Add((snapshot, Bytes(live.Heap)));
            if (i == 8)
            {
                region.Grow(region.Length + (2 << 20));
            }
        }

        live.Change(200);
        live.Heap.Compact(TimeSpan.FromMilliseconds(20));
        foreach ((PersistentSnapshot snapshot, byte[] bytes) in taken)
        {
            Assert.False(snapshot.IsLost);
            Assert.True(snapshot.CopiedBytes > 0);
            Assert.True(Bytes(snapshot.Heap).AsSpan().SequenceEqual(bytes), "a byte of a snapshot changed");
            Assert.Empty(HeapVerifier.Verify(snapshot.Heap, TestContext.Current.CancellationToken));
            snapshot.Dispose();
        }

        live.Change(40);
        Assert.Empty(HeapVerifier.Verify(live.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void All_collections_of_a_snapshot_are_of_its_instant()
    {
        using var arena = new HeapArena(Length);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(arena.Heap, "d");
        PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(arena.Heap, "m");
        PersistentLog log = PersistentLog.OpenOrCreate(arena.Heap, "l");
        PersistentList list = PersistentList.OpenOrCreate(arena.Heap, "list");
        PersistentRoot<long> root = arena.Heap.OpenOrCreateRoot<long>("root", 1);
        dictionary.Set("k"u8, "before"u8);
        DateTimeOffset soon = DateTimeOffset.UtcNow.AddSeconds(3); // behind the snapshot, on a busy machine too
        dictionary.Set("soon"u8, "gone"u8, soon);
        map.Set("k"u8, "before"u8);
        log.Append("one"u8);
        list.AddLast("a"u8);

        using PersistentSnapshot snapshot = arena.Heap.TakeSnapshot();
        dictionary.Set("k"u8, "after"u8);
        dictionary.Set("new"u8, "after"u8);
        map.Remove("k"u8);
        log.Append("two"u8);
        log.TrimToCount(1);
        list.Clear();
        root.Set(2);
        PersistentDictionary.OpenOrCreate(arena.Heap, "later").Set("k"u8, "v"u8);
        while (DateTimeOffset.UtcNow <= soon)
        {
            Thread.Sleep(20);
        }


        PersistentDictionary then = PersistentDictionary.OpenOrCreate(snapshot.Heap, "d");
        Assert.Equal("before"u8, then.Get("k"u8)!);
        Assert.Equal("gone"u8, then.Get("soon"u8)!);
        Assert.Null(dictionary.Get("soon"u8));
        Assert.Equal(2, then.Count);
        Assert.Equal("before"u8, PersistentSortedMap.OpenOrCreate(snapshot.Heap, "m").Get("k"u8)!);
        PersistentLog logThen = PersistentLog.OpenOrCreate(snapshot.Heap, "l");
        Assert.Equal(1, logThen.Count);
        Assert.Equal(1, PersistentList.OpenOrCreate(snapshot.Heap, "list").Count);
        Assert.Equal(1, snapshot.Heap.OpenOrCreateRoot<long>("root").Value);
        Assert.DoesNotContain("later", snapshot.Heap.Roots);
        Assert.InRange(snapshot.TakenAt, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow);

        Assert.Throws<ArenaReadOnlyException>(() => then.Set("k"u8, "v"u8));
        Assert.Throws<ArenaReadOnlyException>(() => then.Remove("k"u8));
        Assert.Throws<ArenaReadOnlyException>(() => snapshot.Heap.BeginAtomic().Dispose());
        Assert.Throws<ArenaReadOnlyException>(() => PersistentDictionary.OpenOrCreate(snapshot.Heap, "none"));
        Assert.Throws<ArenaReadOnlyException>(() => snapshot.Heap.TakeSnapshot());
    }

    [Fact]
    public void A_table_and_its_indexes_are_of_the_instant()
    {
        using var arena = new HeapArena(Length);
        PersistentTable<int, string> table = arena.Heap.OpenOrCreateTable<int, string>("t");
        PersistentIndex<int, string, string> index = table.Index("value", it => it);
        table.Set(1, "before");
        table.Set(2, "before");
        using PersistentSnapshot snapshot = arena.Heap.TakeSnapshot();
        table.Set(1, "after");
        table.Remove(2);

        PersistentTable<int, string> then = snapshot.Heap.OpenOrCreateTable<int, string>("t");
        PersistentIndex<int, string, string> indexThen = then.Index("value", it => it);
        Assert.Equal([1, 2], indexThen["before"].Select(it => it.Key));
        Assert.Empty(indexThen["after"]);
        Assert.Equal([1], index["after"].Select(it => it.Key));
        Assert.Throws<ArenaReadOnlyException>(() => then.Set(3, "new"));
        Assert.Throws<ArenaReadOnlyException>(() => then.Index("new", it => it));
    }

    /// <summary>Writers move amounts between keys in groups: whatever is seen at one instant adds up.</summary>
    [Fact]
    public void Beside_writers_each_snapshot_is_of_one_instant()
    {
        const int accounts = 64;
        using var arena = new HeapArena(Length);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(arena.Heap, "d");
        PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(arena.Heap, "m");
        for (int i = 0; i < accounts; i++)
        {
            dictionary.Set(BitConverter.GetBytes(i), BitConverter.GetBytes(100L));
            map.Set(BitConverter.GetBytes(i), BitConverter.GetBytes(100L));
        }

        bool stop = false;
        Thread[] writers = [.. Enumerable.Range(0, 3).Select(n => new Thread(() =>
        {
            Random random = new(n);
            while (!Volatile.Read(ref stop))
            {
                using AtomicGroup group = arena.Heap.BeginAtomic();
                int from = random.Next(accounts);
                int to = random.Next(accounts);
                long amount = random.Next(10);
                Add(dictionary, from, -amount);
                Add(map, to, amount);
                group.Commit();
            }
        }))];
        Array.ForEach(writers, it => it.Start());
        Stopwatch watch = Stopwatch.StartNew();
        try
        {
            for (int round = 0; round < 60 && (round < 10 || watch.Elapsed < s_enough); round++)
            {
                using PersistentSnapshot snapshot = arena.Heap.TakeSnapshot();
                PersistentDictionary then = PersistentDictionary.OpenOrCreate(snapshot.Heap, "d");
                PersistentSortedMap mapThen = PersistentSortedMap.OpenOrCreate(snapshot.Heap, "m");
                for (int look = 0; look < 2; look++)
                {
                    long sum = Enumerable.Range(0, accounts).Sum(i =>
                        BitConverter.ToInt64(then.Get(BitConverter.GetBytes(i)))
                        + BitConverter.ToInt64(mapThen.Get(BitConverter.GetBytes(i))));
                    Assert.Equal(2L * accounts * 100, sum);
                }
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            Array.ForEach(writers, it => it.Join());
        }

        Assert.Empty(HeapVerifier.Verify(arena.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_snapshot_that_may_hold_no_more_ends_and_the_change_is_made()
    {
        using var arena = new HeapArena(Length);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(arena.Heap, "d");
        dictionary.Set("k"u8, "before"u8);
        using PersistentSnapshot snapshot = arena.Heap.TakeSnapshot(maximumBytes: 64 << 10);
        PersistentDictionary then = PersistentDictionary.OpenOrCreate(snapshot.Heap, "d");
        Assert.Equal("before"u8, then.Get("k"u8)!);

        for (int i = 0; i < 100; i++)
        {
            dictionary.Set(BitConverter.GetBytes(i), new byte[4000]);
        }

        Assert.True(snapshot.IsLost);
        Assert.InRange(snapshot.CopiedBytes, 1, 64 << 10);
        SnapshotLostException lost = Assert.Throws<SnapshotLostException>(() => then.Get("k"u8));
        Assert.Equal("GMF6011", lost.ReasonCode);
        Assert.Equal(snapshot.CopiedBytes, lost.CopiedBytes);
        Assert.Equal(101, dictionary.Count);
    }

    /// <summary>Beside a writer that takes it at once, from before it is opened on.</summary>
    [Fact]
    public void A_snapshot_that_is_lost_at_any_moment_is_told_as_lost()
    {
        using var arena = new HeapArena(Length);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(arena.Heap, "d");
        dictionary.Set("k"u8, "before"u8);
        bool stop = false;
        Thread writer = new(() =>
        {
            for (int i = 0; !Volatile.Read(ref stop); i++)
            {
                dictionary.Set("other"u8, BitConverter.GetBytes(i));
            }
        });
        writer.Start();
        int taken = 0;
        int lost = 0;
        Stopwatch watch = Stopwatch.StartNew();
        try
        {
            for (; taken < 500 && (taken < 30 || watch.Elapsed < s_enough); taken++)
            {
                try
                {
                    using PersistentSnapshot snapshot = arena.Heap.TakeSnapshot(maximumBytes: 0);
                    PersistentDictionary then = PersistentDictionary.OpenOrCreate(snapshot.Heap, "d");
                    while (true)
                    {
                        Assert.Equal("before"u8, then.Get("k"u8)!);
                    }
                }
                catch (SnapshotLostException)
                {
                    lost++;
                }
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            writer.Join();
        }

        Assert.Equal(taken, lost);
    }

    [Theory]
    [InlineData("snapshot")]
    [InlineData("region")]
    [InlineData("arena")]
    public void After_its_end_a_reader_is_told(string what)
    {
        using var arena = new HeapArena(Length);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(arena.Heap, "d");
        dictionary.Set("k"u8, "before"u8);
        PersistentSnapshot snapshot = arena.Heap.TakeSnapshot();
        PersistentDictionary then = PersistentDictionary.OpenOrCreate(snapshot.Heap, "d");
        using var end = new ManualResetEventSlim();
        Exception? ended = null;
        Thread reader = new(() => ended = Record.Exception((Action)(() =>
        {
            while (true)
            {
                Assert.Equal("before"u8, then.Get("k"u8)!);
                end.Set();
            }
        })));
        reader.Start();
        end.Wait(TestContext.Current.CancellationToken);
        ((IDisposable)(what switch { "snapshot" => snapshot, "region" => arena.Region, _ => arena.Arena })).Dispose();
        reader.Join();

        Assert.IsType<ObjectDisposedException>(ended);
        Assert.False(snapshot.IsLost);
        snapshot.Dispose();
        if (what == "snapshot")
        {
            dictionary.Set("k"u8, "after"u8);
            Assert.Equal("after"u8, dictionary.Get("k"u8)!);
        }
        else
        {
            Assert.Throws<ObjectDisposedException>(() => arena.Heap.TakeSnapshot());
        }
    }

    [Fact]
    public void After_its_end_nothing_of_it_is_opened()
    {
        using var arena = new HeapArena(Length);
        _ = arena.Heap.OpenOrCreateRoot("number", 5L);
        PersistentSnapshot snapshot = arena.Heap.TakeSnapshot();

        snapshot.Dispose();

        Assert.Throws<ObjectDisposedException>(() => snapshot.Heap.OpenOrCreateRoot<long>("number"));
        Assert.Throws<ObjectDisposedException>(() => snapshot.Heap.Roots);
        Assert.Throws<ObjectDisposedException>(() => PersistentDictionary.OpenOrCreate(snapshot.Heap, "d"));
    }

    [Fact]
    public void Of_a_lost_one_no_root_is_opened()
    {
        using var arena = new HeapArena(Length);
        using PersistentSnapshot snapshot = arena.Heap.TakeSnapshot(maximumBytes: 0);

        _ = arena.Heap.OpenOrCreateRoot("number", 5L);

        Assert.Throws<SnapshotLostException>(() => snapshot.Heap.OpenOrCreateRoot<long>("number"));
        Assert.Throws<SnapshotLostException>(() => snapshot.Heap.Roots);
    }

    [Fact]
    public void In_an_own_group_none_is_taken_and_another_threads_is_waited_for()
    {
        using var arena = new HeapArena(Length);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(arena.Heap, "d");
        PersistentSnapshot? snapshot = null;
        Thread other = new(() => snapshot = arena.Heap.TakeSnapshot());
        using (AtomicGroup group = arena.Heap.BeginAtomic())
        {
            dictionary.Set("k"u8, "in a group"u8);
            Assert.Throws<AtomicGroupException>(() => arena.Heap.TakeSnapshot());
            other.Start();
            Assert.False(other.Join(50));
            group.Commit();
        }

        other.Join();
        Assert.Equal("in a group"u8, PersistentDictionary.OpenOrCreate(snapshot!.Heap, "d").Get("k"u8)!);
        snapshot.Dispose();
    }

    [Fact]
    public void A_forgotten_one_ends_when_nobody_refers_to_it()
    {
        using var arena = new HeapArena(Length);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(arena.Heap, "d");
        WeakReference forgotten = Forget(arena.Heap, out PersistentDictionary kept);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        dictionary.Set("k"u8, "v"u8);
        Assert.Equal(0, kept.Count); // who holds a collection of it has it still
        GC.KeepAlive(kept);
        kept = dictionary;
        for (int i = 0; i < 20 && forgotten.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(forgotten.IsAlive);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Forget(PersistentHeap heap, out PersistentDictionary kept)
    {
        PersistentSnapshot snapshot = heap.TakeSnapshot();
        kept = PersistentDictionary.OpenOrCreate(snapshot.Heap, "d");
        return new WeakReference(StoreWatchOf(snapshot));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static StoreWatcher StoreWatchOf(PersistentSnapshot snapshot) =>
        ((GuestMemFs.Heap.SnapshotSpace)snapshot.Heap.Space).Pages;

    private static void Add(PersistentDictionary dictionary, int key, long amount)
    {
        byte[] bytes = BitConverter.GetBytes(key);
        dictionary.Set(bytes, BitConverter.GetBytes(BitConverter.ToInt64(dictionary.Get(bytes)) + amount));
    }

    private static void Add(PersistentSortedMap map, int key, long amount)
    {
        byte[] bytes = BitConverter.GetBytes(key);
        map.Set(bytes, BitConverter.GetBytes(BitConverter.ToInt64(map.Get(bytes)) + amount));
    }

    private static unsafe byte[] Bytes(PersistentHeap heap) =>
        new ReadOnlySpan<byte>(heap.Base, (int)heap.FrontierBytes).ToArray();

    /// <summary>One of everything that a heap can hold, changed by chance.</summary>
    private sealed class Everything(PersistentHeap heap, int seed)
    {
        private readonly Random _random = new(seed);
        private readonly PersistentDictionary _dictionary = PersistentDictionary.OpenOrCreate(heap, "d");
        private readonly PersistentSortedMap _map = PersistentSortedMap.OpenOrCreate(heap, "m");
        private readonly PersistentLog _log = PersistentLog.OpenOrCreate(heap, "l");
        private readonly PersistentList _list = PersistentList.OpenOrCreate(heap, "list");
        private readonly PersistentBytes _bytes = PersistentBytes.OpenOrCreate(heap, "bytes");
        private readonly PersistentRoot<Head> _root = heap.OpenOrCreateRoot<Head>("root");

        public PersistentHeap Heap => heap;

        public void Change(int count)
        {
            for (int i = 0; i < count; i++)
            {
                ChangeOne();
            }
        }

        private void ChangeOne()
        {
            Span<byte> key = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(key, _random.Next(200));
            byte[] value = new byte[_random.Next(5) == 0 ? _random.Next(20_000) : _random.Next(300)];
            _random.NextBytes(value);
            switch (_random.Next(16))
            {
                case 0: _dictionary.Remove(key); break;
                case 1: _map.Remove(key); break;
                case 2: _log.TrimToCount(_random.Next(50)); break;
                case 3: _list.AddLast(value); break;
                case 4: _list.TryRemoveFirst(out _); break;
                case 5: _bytes.Append(value); break;
                case 6: _dictionary.Clear(); break;
                case 7: _dictionary.CollectGarbage(64); break;
                case 8: _root.Set(new Head { Number = _random.Next(), Text = _root.Value.Text }); break;
                case 9: heap.PutBytes(in _root.Value.Text, value); break;
                case 10: InGroup(key, value, commit: _random.Next(2) == 0); break;
                case 11: _dictionary.Set(key, value, DateTimeOffset.UtcNow.AddHours(1)); break;
                case 12: _log.Append(value); break;
                case 13: _map.Set(key, value); break;
                default: _dictionary.Set(key, value); break;
            }
        }

        private void InGroup(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool commit)
        {
            using AtomicGroup group = heap.BeginAtomic();
            _dictionary.Set(key, value);
            _map.Remove(key);
            _log.Append(value);
            if (commit)
            {
                group.Commit();
            }
        }

        private struct Head
        {
            public long Number;
            public Offset<byte> Text;
        }
    }

    /// <summary>An arena in a memfd with one heap.</summary>
    private sealed class HeapArena : IDisposable
    {
        public HeapArena(long length)
        {
            Arena = PersistentArena.Create(new ArenaOptions { Medium = Medium.InMemory("snapshot") });
            Region = Arena.CreateRegion("heap", length, new RegionOptions { Kind = RegionKind.Heap });
            Heap = PersistentHeap.Open(Region);
        }

        public PersistentArena Arena { get; }

        public PersistentRegion Region { get; }

        public PersistentHeap Heap { get; }

        public void Dispose()
        {
            Region.Dispose();
            Arena.Dispose();
        }
    }
}
