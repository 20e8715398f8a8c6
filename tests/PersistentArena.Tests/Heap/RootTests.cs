using GuestMemFs.Heap;
using GuestMemFs.Inspection;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Heap;

/// <summary>Names of a heap: as many as one likes, and what becomes of what is deleted.</summary>
public sealed class RootTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void A_heap_has_thousands_of_roots()
    {
        using PlainSpace space = new(32 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        for (int i = 0; i < 2000; i++)
        {
            heap.OpenOrCreateRoot("root" + i, (long)i);
            if (i == 63)
            {
                Assert.False(RootEntries.MayHaveMore(space)); // an older library opens it as before
            }
        }

        using PlainSpace crashed = space.Crash();
        PersistentHeap again = PersistentHeap.Open(crashed);
        Assert.Equal(2000, again.Roots.Count);
        for (int i = 0; i < 2000; i += 37)
        {
            PersistentRoot<long> root = again.OpenOrCreateRoot<long>("root" + i);
            Assert.Equal(i, root.Value);
            root.Set(-i);
            Assert.Equal(-i, root.Value);
        }

        Assert.Equal(2000, again.Roots.Count);
        Assert.Empty(HeapVerifier.Verify(again, Cancellation));
    }

    [Fact]
    public void A_deleted_collection_gives_its_memory_back_and_its_name()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentList.OpenOrCreate(heap, "list"); // the same kind of root, which stays
        for (int round = 0; round < 200; round++)
        {
            PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "name");
            PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
            PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(heap, "map");
            Assert.Equal((0, 0, 0), (dictionary.Count, log.Count, map.Count));
            for (int i = 0; i < 300; i++)
            {
                byte[] key = BitConverter.GetBytes(i);
                dictionary.Set(key, new byte[900]);
                map.Set(key, new byte[900]);
                log.Append(new byte[900]);
            }

            Assert.True(heap.DeleteRoot("name"));
            Assert.True(heap.DeleteRoot("log"));
            Assert.True(heap.DeleteRoot("map"));
            Assert.False(heap.DeleteRoot("map"));
        }

        Assert.Equal(["list"], heap.Roots);
        Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
        using PlainSpace crashed = space.Crash();
        PersistentHeap again = PersistentHeap.Open(crashed);
        Assert.Empty(HeapVerifier.Verify(again, Cancellation));
        Assert.InRange(new HeapRoots(crashed).All().Count, 1, 4); // their root objects are used again
    }

    [Fact]
    public void What_is_open_of_a_deleted_root_is_refused_even_where_the_name_is_there_again()
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "dictionary");
        PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(heap, "map");
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
        PersistentRoot<long> root = heap.OpenOrCreateRoot("root", 5L);
        foreach (bool again in (bool[])[false, true])
        {
            foreach (string name in (string[])["dictionary", "map", "log", "root"])
            {
                Assert.Equal(!again, heap.DeleteRoot(name));
            }

            RequireRefused(() => dictionary.Set("a"u8, "b"u8));
            RequireRefused(() => dictionary.Get("a"u8));
            RequireRefused(() => dictionary.Clear());
            RequireRefused(() => _ = dictionary.Count);
            Assert.True(dictionary.CollectGarbage(100));
            RequireRefused(() => map.Set("a"u8, "b"u8));
            RequireRefused(() => map.Get("a"u8));
            RequireRefused(() => _ = map.Count);
            RequireRefused(() => map.Scan().MoveNext());
            RequireRefused(() => log.Append("a"u8));
            RequireRefused(() => _ = log.Count);
            RequireRefused(() => _ = root.Value);
            RequireRefused(() => root.Set(6));
            Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
            PersistentDictionary.OpenOrCreate(heap, "other").Set("a"u8, "of another"u8);
            PersistentSortedMap.OpenOrCreate(heap, "other map").Set("a"u8, "of another"u8);
            PersistentLog.OpenOrCreate(heap, "other log").Append("of another"u8);
            heap.OpenOrCreateRoot("other root", 7L);
        }

        Assert.Equal(8, heap.OpenOrCreateRoot("root", 8L).Value);
    }

    [Fact]
    public void Nothing_is_deleted_within_a_group_or_where_something_hangs_on_it()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentRoot<Offset<long>> root = heap.OpenOrCreateRoot<Offset<long>>("root");
        heap.Put(root.Value, 3L);
        Assert.Throws<RootInUseException>(() => heap.DeleteRoot("root"));
        using (heap.BeginAtomic())
        {
            Assert.Throws<AtomicGroupException>(() => heap.DeleteRoot("root"));
        }

        Assert.Equal(3, heap.Read(root.Value));
        heap.Free(root.Value);
        Assert.True(heap.DeleteRoot("root"));
        Assert.Empty(heap.Roots);

        heap.OpenOrCreateTable<string, string>("table").Set("a", "b");
        Assert.Throws<RootInUseException>(() => heap.DeleteRoot(".shapes"));
        Assert.Throws<RootInUseException>(() => heap.DeleteRoot("table.index"));
        Assert.True(heap.DeleteRoot("table"));
        Assert.Equal([".shapes"], heap.Roots);
        Assert.Equal(0, heap.OpenOrCreateTable<long, string>("table").Count); // of another shape
        Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
    }

    [Fact]
    public async Task Readers_and_writers_beside_a_deletion_see_what_was_there_or_are_refused()
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        for (int round = 0; round < 30; round++)
        {
            PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "dictionary");
            PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(heap, "map");
            PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
            byte[] value = [.. Enumerable.Repeat((byte)round, 100)];
            for (int i = 0; i < 100; i++)
            {
                dictionary.Set(BitConverter.GetBytes(i), value);
                map.Set(BitConverter.GetBytes(i), value);
                log.Append(value);
            }

            using Barrier start = new(4);
            Task[] beside =
            [
                UntilRefused(start, i => Assert.Equal(value, dictionary.Get(BitConverter.GetBytes(i % 100)))),
                UntilRefused(start, i => Assert.Equal(value, map.Get(BitConverter.GetBytes(i % 100)))),
                UntilRefused(start, i =>
                {
                    dictionary.Set(BitConverter.GetBytes(1000 + i), value);
                    Assert.Equal(100, log.Count);
                }),
            ];
            start.SignalAndWait(Cancellation);
            heap.DeleteRoot("dictionary");
            heap.DeleteRoot("map");
            heap.DeleteRoot("log");
            for (int i = 0; i < 300; i++)
            {
                PersistentDictionary.OpenOrCreate(heap, "next").Set(BitConverter.GetBytes(i), new byte[100]);
                PersistentSortedMap.OpenOrCreate(heap, "next map").Set(BitConverter.GetBytes(i), new byte[100]);
            }

            await Task.WhenAll(beside).WaitAsync(TimeSpan.FromSeconds(60), Cancellation);
            Assert.True(heap.DeleteRoot("next"));
            Assert.True(heap.DeleteRoot("next map"));
        }

        Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
    }

    [Fact]
    public void A_reader_of_another_process_is_told_that_its_collection_was_deleted()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = medium.Open() });
        using PersistentRegion region = arena.CreateRegion(
            "heap", 16 << 20, new RegionOptions { Kind = RegionKind.Heap });
        PersistentHeap heap = PersistentHeap.Open(region);
        PersistentDictionary.OpenOrCreate(heap, "dictionary").Set("a"u8, "b"u8);
        PersistentSortedMap.OpenOrCreate(heap, "map").Set("a"u8, "b"u8);
        PersistentLog.OpenOrCreate(heap, "log").Append("a"u8);
        using PersistentArena reading = PersistentArena.Open(
            new ArenaOptions { Medium = medium.Open(), Access = ArenaAccess.ReadOnly });
        PersistentHeap read = PersistentHeap.Open(reading.OpenRegion("heap"));
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(read, "dictionary");
        PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(read, "map");
        PersistentLog log = PersistentLog.OpenOrCreate(read, "log");
        Assert.Equal("b"u8, dictionary.Get("a"u8)!);
        Assert.Equal("b"u8, map.Get("a"u8)!);
        Assert.Equal(1, log.Count);
        foreach (string name in (string[])["dictionary", "map", "log"])
        {
            heap.DeleteRoot(name);
        }

        foreach (bool again in (bool[])[false, true])
        {
            RequireRefused(() => dictionary.Get("a"u8));
            RequireRefused(() => _ = dictionary.Count);
            RequireRefused(() => map.Get("a"u8));
            RequireRefused(() => _ = log.Count);
            PersistentDictionary.OpenOrCreate(heap, "dictionary").Set("a"u8, "c"u8); // the same object, the same name
            PersistentSortedMap.OpenOrCreate(heap, "map").Set("a"u8, "c"u8);
            PersistentLog.OpenOrCreate(heap, "log").Append("c"u8);
        }

        Assert.Equal("c"u8, PersistentDictionary.OpenOrCreate(read, "dictionary").Get("a"u8)!);
        Assert.Throws<ArenaReadOnlyException>(() => read.DeleteRoot("dictionary"));
    }

    private static Task UntilRefused(Barrier start, Action<int> action) => Task.Factory.StartNew(() =>
    {
        start.SignalAndWait(Cancellation);
        RequireRefused(() =>
        {
            for (int i = 0; ; i++)
            {
                action(i);
            }
        });
    }, Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static void RequireRefused(Action action) => Assert.Throws<RootDeletedException>(action);
}
