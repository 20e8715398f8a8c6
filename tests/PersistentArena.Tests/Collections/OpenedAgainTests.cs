using GuestMemFs.Inspection;
using GuestMemFs.Tests.Hosting;

namespace GuestMemFs.Tests.Collections;

/// <summary>
/// A service opens a collection for each request, and lets go of it: neither the process's memory nor the heap's grows.
/// </summary>
[Collection(nameof(RunsAlone))]
public sealed class OpenedAgainTests
{
    private const int Times = 3_000;
    private const long Slack = 512 << 10;

    private static readonly RegionOptions s_heap = new() { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand };

    private static readonly Dictionary<string, Action<PersistentHeap>> s_uses = new(StringComparer.Ordinal)
    {
        ["dictionary"] = heap => PersistentDictionary.OpenOrCreate(heap, "d").Set("k"u8, "v"u8),
        ["sorted map"] = heap => PersistentSortedMap.OpenOrCreate(heap, "m").Set("k"u8, "v"u8),
        ["list"] = heap =>
        {
            PersistentList list = PersistentList.OpenOrCreate(heap, "l");
            list.AddLast("v"u8);
            list.TryRemoveFirst(out _);
        },
        ["set"] = heap => PersistentSet.OpenOrCreate(heap, "s").Add("v"u8),
        ["log"] = heap => _ = PersistentLog.OpenOrCreate(heap, "o").Count,
        ["queue"] = heap => _ = PersistentPriorityQueue.OpenOrCreate(heap, "q").Count,
        ["bytes"] = heap => PersistentBytes.OpenOrCreate(heap, "b").Write(0, "v"u8),
        ["bitmap"] = heap => PersistentBitmap.OpenOrCreate(heap, "i").Set(7, true),
        ["typed dictionary"] = heap => heap.OpenOrCreateDictionary<string, long>("td")["k"] = 1,
        ["typed sorted map"] = heap => heap.OpenOrCreateSortedMap<string, long>("tm")["k"] = 1,
        ["typed set"] = heap => heap.OpenOrCreateSet<string>("ts").Add("v"),
        ["typed list"] = heap => _ = heap.OpenOrCreateList<string>("tl").Count,
        ["typed log"] = heap => _ = heap.OpenOrCreateLog<string>("to").Count,
        ["typed queue"] = heap => _ = heap.OpenOrCreatePriorityQueue<string>("tq").Count,
        ["table"] = heap => heap.OpenOrCreateTable<string, long>("t").Set("k", 1),
        ["nested"] = heap =>
            _ = NestedCollections.OpenOrCreate(heap, PersistentDictionary.OpenOrCreate(heap, "d"), "n"),
        ["root"] = heap => heap.OpenOrCreateRoot<long>("r"),
        ["snapshot"] = heap => heap.TakeSnapshot().Dispose(),
        ["group"] = heap => heap.BeginAtomic().Dispose(),
    };

    public static TheoryData<string> Uses => [.. s_uses.Keys];

    [Theory]
    [MemberData(nameof(Uses))]
    public void Opened_for_each_request_it_keeps_nothing(string use)
    {
        using var directory = new ArenaDirectory();
        using PersistentArena arena = Open(directory, ArenaAccess.ReadWrite);
        using PersistentRegion region = arena.OpenOrCreateRegion("heap", 64 << 20, s_heap);
        PersistentHeap heap = PersistentHeap.Open(region);
        Run(use, heap, Times / 10);
        long frontier = heap.FrontierBytes;
        long before = GC.GetTotalMemory(forceFullCollection: true);

        Run(use, heap, Times);

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, Slack);
        Assert.InRange(heap.FrontierBytes - frontier, 0, Slack);
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(ArenaAccess.ReadWrite)]
    [InlineData(ArenaAccess.ReadOnly)]
    public void A_heap_opened_again_is_the_same_and_keeps_nothing(ArenaAccess access)
    {
        using var directory = new ArenaDirectory();
        using (PersistentArena made = Open(directory, ArenaAccess.ReadWrite))
        {
            PersistentHeap.Open(made.OpenOrCreateRegion("heap", 64 << 20, s_heap));
        }

        using PersistentArena arena = Open(directory, access);
        using PersistentRegion region = arena.OpenRegion("heap");
        PersistentHeap heap = PersistentHeap.Open(region);
        long before = GC.GetTotalMemory(forceFullCollection: true);

        for (int i = 0; i < Times * 4; i++)
        {
            Assert.Same(heap, PersistentHeap.Open(region));
        }

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, Slack);
    }

    private static PersistentArena Open(ArenaDirectory directory, ArenaAccess access) =>
        PersistentArena.OpenOrCreate(new ArenaOptions { Directory = directory["arena"], Access = access });

    private static void Run(string use, PersistentHeap heap, int times)
    {
        for (int i = 0; i < times; i++)
        {
            s_uses[use](heap);
        }
    }
}
