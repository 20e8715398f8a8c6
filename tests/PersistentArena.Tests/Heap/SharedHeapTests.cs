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
