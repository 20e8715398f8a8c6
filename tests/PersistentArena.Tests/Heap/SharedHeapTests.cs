using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Inspection;
using GuestMemFs.Tests.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace GuestMemFs.Tests.Heap;

/// <summary>A heap or a dictionary opened more than once in a process: one heap, one dictionary.</summary>
public sealed class SharedHeapTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Two_openings_lose_nothing(bool twoHeaps)
    {
        const int Each = 20_000;
        using var directory = new ArenaDirectory();
        using PersistentArena arena = Open(directory, out PersistentRegion region);
        PersistentHeap heap = PersistentHeap.Open(region);
        PersistentHeap second = twoHeaps ? PersistentHeap.Open(arena.OpenRegion("heap")) : heap;
        PersistentDictionary[] dictionaries = [PersistentDictionary.OpenOrCreate(heap, "d"),
            PersistentDictionary.OpenOrCreate(second, "d")];

        Ended.All([.. dictionaries.Select<PersistentDictionary, Action>((dictionary, n) => () =>
        {
            for (int i = 0; i < Each; i++)
            {
                dictionary.Increment("n"u8);
                dictionary.Set(Encoding.UTF8.GetBytes($"{n}:{i % 1000}"), new byte[i % 200]);
            }
        })]);

        Assert.Same(heap, second);
        Assert.Equal($"{2 * Each}", Encoding.UTF8.GetString(dictionaries[0].Get("n"u8)!));
        Assert.Equal(2001, dictionaries[1].Count);
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Threads_that_create_one_dictionary_at_once_share_it()
    {
        using PlainSpace space = new(64 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        for (int round = 0; round < 50; round++)
        {
            string name = "d" + round;
            Ended.All([.. Enumerable.Range(0, 4).Select<int, Action>(_ =>
                () => PersistentDictionary.OpenOrCreate(heap, name).Increment("n"u8))]);
            Assert.Equal("4"u8.ToArray(), PersistentDictionary.OpenOrCreate(heap, name).Get("n"u8));
        }

        Assert.Equal(50, heap.Roots.Count);
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Another_clock_is_refused_and_none_takes_the_one_that_is_there()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        Collections.ManualTime time = new();
        PersistentDictionary.OpenOrCreate(heap, "d", new PersistentDictionaryOptions { TimeProvider = time }).Set("k"u8,
            "1"u8);

        Assert.NotNull(PersistentDictionary.OpenOrCreate(heap, "d").Get("k"u8));
        Assert.NotNull(PersistentDictionary.OpenOrCreate(heap, "d",
            new PersistentDictionaryOptions { TimeProvider = time }).Get("k"u8));
        DictionaryOptionsException refused = Assert.Throws<DictionaryOptionsException>(
            () => PersistentDictionary.OpenOrCreate(heap, "d", new PersistentDictionaryOptions()));

        Assert.Equal("d", refused.Name);
        Assert.Equal(ReasonCodes.DictionaryOptions, refused.ReasonCode);
    }

    [Fact]
    public void A_heap_lives_as_long_as_one_of_the_regions_that_it_was_opened_in()
    {
        using var directory = new ArenaDirectory();
        using PersistentArena arena = Open(directory, out PersistentRegion first);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(first), "d");
        PersistentRegion second = arena.OpenRegion("heap");
        PersistentDictionary same = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(second), "d");

        first.Dispose();
        first.Dispose();
        dictionary.Set("k"u8, new byte[1 << 20]);
        Assert.Equal(1, same.Count);
        second.Dispose();

        Assert.Throws<ObjectDisposedException>(() => same.Set("k"u8, "2"u8));
        Assert.Throws<ObjectDisposedException>(() => dictionary.Count);
        using PersistentRegion third = arena.OpenRegion("heap");
        PersistentHeap heap = PersistentHeap.Open(third);
        PersistentDictionary again = PersistentDictionary.OpenOrCreate(heap, "d");
        again.Set("l"u8, "3"u8);
        Assert.Equal(2, again.Count);
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Threads_that_open_and_close_one_heap_all_the_time_meet_no_closed_one()
    {
        const int Threads = 4;
        const int Each = 100;
        using var directory = new ArenaDirectory();
        using PersistentArena arena = Open(directory, out PersistentRegion region);
        PersistentDictionary.OpenOrCreate(PersistentHeap.Open(region), "d");
        region.Dispose();

        Ended.All([.. Enumerable.Range(0, Threads).Select<int, Action>(_ => () => Repeat(Each, () =>
        {
            using PersistentRegion mine = arena.OpenRegion("heap");
            PersistentDictionary.OpenOrCreate(PersistentHeap.Open(mine), "d").Increment("n"u8);
        }))]);

        using PersistentRegion last = arena.OpenRegion("heap");
        PersistentHeap heap = PersistentHeap.Open(last);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "d");
        Assert.Equal($"{Threads * Each}", Encoding.UTF8.GetString(dictionary.Get("n"u8)!));
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_heap_that_is_opened_and_closed_many_times_in_one_arena_loses_no_room()
    {
        using var directory = new ArenaDirectory();
        using PersistentArena arena = Open(directory, out PersistentRegion region);
        region.Dispose();
        long[] ends = [0, 0];
        for (int round = 0; round < 400; round++)
        {
            using PersistentRegion again = arena.OpenRegion("heap");
            PersistentHeap heap = PersistentHeap.Open(again);
            PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "d");
            dictionary.Set("k"u8, new byte[round % 2 == 0 ? 100 : 30_000]);
            ends[round / 200] = heap.FrontierBytes;
        }

        Assert.InRange(ends[1], ends[0], ends[0] + (256 << 10));
    }

    [Fact]
    public void A_heap_that_cannot_be_opened_says_so_each_time()
    {
        using var directory = new ArenaDirectory();
        using PersistentArena arena = Open(directory, out PersistentRegion region);
        PersistentHeap.Open(region);
        region.Dispose();
        using PersistentRegion again = arena.OpenRegion("heap");
        byte[] header = again.AsSpan(0, 64).ToArray();
        again.AsSpan(0, 64).Clear();

        Assert.Throws<HeapDamagedException>(() => PersistentHeap.Open(again));
        Assert.Throws<HeapDamagedException>(() => PersistentHeap.Open(again));

        header.CopyTo(again.AsSpan(0, 64));
        PersistentDictionary.OpenOrCreate(PersistentHeap.Open(again), "d").Set("k"u8, "v"u8);
    }

    [Fact]
    public void A_region_let_go_of_after_its_arena_stores_nothing_under_the_next_writer()
    {
        using var directory = new ArenaDirectory();
        PersistentArena gone = Open(directory, out PersistentRegion left);
        PersistentDictionary.OpenOrCreate(PersistentHeap.Open(left), "d").Set("k"u8, new byte[100]);
        gone.Abandon();
        using PersistentArena arena = Open(directory, out PersistentRegion region);
        PersistentHeap heap = PersistentHeap.Open(region);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "d");
        Repeat(1000, () => dictionary.Increment(BitConverter.GetBytes(dictionary.Count)));
        byte[] before = region.AsSpan(0, 8 << 20).ToArray();

        left.Dispose();

        Assert.True(region.AsSpan(0, 8 << 20).SequenceEqual(before));
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_registered_dictionary_and_one_opened_by_hand_are_one()
    {
        using var directory = new ArenaDirectory();
        ServiceCollection services = new();
        services.AddPersistentArena(options =>
        {
            options.Directory = directory["arena"];
            options.HeapSize = 16 << 20;
        });
        services.AddPersistentDictionary("d");
        using ServiceProvider provider = services.BuildServiceProvider();
        PersistentDictionary injected = provider.GetRequiredService<PersistentDictionary>();
        PersistentDictionary own = PersistentDictionary.OpenOrCreate(provider.GetRequiredService<PersistentHeap>(),
            "d");

        Ended.All(
            () => Repeat(10_000, () => injected.Increment("n"u8)),
            () => Repeat(10_000, () => own.Increment("n"u8)));

        Assert.Equal("20000"u8.ToArray(), own.Get("n"u8));
    }

    private static void Repeat(int times, Action action)
    {
        for (int i = 0; i < times; i++)
        {
            action();
        }
    }

    private static PersistentArena Open(ArenaDirectory directory, out PersistentRegion region)
    {
        PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = directory["arena"] });
        region = arena.OpenOrCreateRegion("heap", 64L << 20,
            new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand });
        return arena;
    }
}
