using GuestMemFs.Collections;
using GuestMemFs.Heap;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Api;

/// <summary>A null where none may be is refused by the method that got it, by the parameter's name.</summary>
public sealed class NullArgumentTests
{
    private static readonly (string Parameter, Action<PersistentArena> Call)[] s_arena =
    [
        ("name", arena => arena.CreateRegion(null!, 2 << 20)),
        ("name", arena => arena.OpenRegion(null!)),
        ("name", arena => arena.TryOpenRegion(null!, out _)),
        ("name", arena => arena.DeleteRegion(null!)),
        ("oldName", arena => arena.RenameRegion(null!, "new")),
        ("name", arena => arena.RenameRegion("raw", null!)),
        ("name", arena => arena.FindRegion(null!)),
        ("name", arena => arena.GetRegionFiles(null!)),
        ("name", arena => arena.BorrowRegion(null!)),
        ("options", _ => PersistentArena.Create(null!)),
        ("options", _ => PersistentArena.OpenOrCreate(null!)),
        ("group", _ => ArenaSharing.ReadableBy(null!)),
    ];

    private static readonly (string Parameter, Action<PersistentHeap> Call)[] s_heap =
    [
        ("region", _ => PersistentHeap.Open((PersistentRegion)null!, new HeapOptions())),
        ("region", _ => PersistentHeap.Adopt(null!)),
        ("name", heap => heap.OpenOrCreateRoot<long>(null!)),
        ("heap", _ => PersistentDictionary.OpenOrCreate(null!, "name")),
        ("name", heap => PersistentDictionary.OpenOrCreate(heap, null!)),
        ("heap", _ => PersistentSortedMap.OpenOrCreate(null!, "name")),
        ("name", heap => PersistentSortedMap.OpenOrCreate(heap, null!)),
        ("entries", heap => PersistentSortedMap.OpenOrCreate(heap, "map").Load(null!)),
        ("map", _ => PersistentSortedMapSections.Section(null!, "prefix"u8)),
        ("heap", _ => PersistentLog.OpenOrCreate(null!, "name")),
        ("name", heap => PersistentLog.OpenOrCreate(heap, null!)),
        ("destination", heap => PersistentLog.OpenOrCreate(heap, "log").TryGet(default, null!)),
        ("name", heap => PersistentLog.OpenOrCreate(heap, "log").SetPosition(null!, default)),
        ("name", heap => PersistentLog.OpenOrCreate(heap, "log").TryGetPosition(null!, out _)),
        ("name", heap => PersistentLog.OpenOrCreate(heap, "log").RemovePosition(null!)),
        ("heap", _ => PersistentDictionary.Exists(null!, "name")),
        ("name", heap => PersistentDictionary.Exists(heap, null!)),
        ("heap", heap => NestedCollections.OpenOrCreate(null!, Owners(heap), "name")),
        ("owners", heap => NestedCollections.OpenOrCreate(heap, null!, "name")),
        ("name", heap => NestedCollections.OpenOrCreate(heap, Owners(heap), null!)),
        ("heap", _ => NestedCollections.Exists(null!, "name")),
        ("name", heap => NestedCollections.Exists(heap, null!)),
        ("s", _ => LogEntryId.Parse((string)null!)),
        ("heap", _ => PersistentList.OpenOrCreate(null!, "name")),
        ("name", heap => PersistentSet.OpenOrCreate(heap, null!)),
        ("destination", heap => PersistentList.OpenOrCreate(heap, "list").TryGet(0, null!)),
        ("destination", heap => PersistentList.OpenOrCreate(heap, "list").TryRemoveFirst(null!)),
        ("destination", heap => PersistentList.OpenOrCreate(heap, "list").TryRemoveLast(null!)),
        ("members", heap => PersistentSet.OpenOrCreate(heap, "set").ReplaceWith(null!)),
        ("sets", heap => PersistentSet.Union(PersistentSet.OpenOrCreate(heap, "set"), null!)),
        ("destination", heap => PersistentBytes.OpenOrCreate(heap, "bytes").Read(0, 1, null!)),
        ("heap", _ => PersistentCollections.OpenOrCreateList<int>(null!, "name")),
    ];

    public static TheoryData<int> OfArena => [.. Enumerable.Range(0, s_arena.Length)];

    public static TheoryData<int> OfHeap => [.. Enumerable.Range(0, s_heap.Length)];

    [Theory]
    [MemberData(nameof(OfArena))]
    public void A_call_of_an_arena_refuses_null(int call)
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = medium.Directory! });

        Assert.Throws<ArgumentNullException>(s_arena[call].Parameter, () => s_arena[call].Call(arena));
    }

    [Fact]
    public void A_region_is_not_opened_as_a_heap_without_options()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = medium.Directory! });
        using PersistentRegion region = arena.CreateRegion("heap", 4 << 20);

        Assert.Throws<ArgumentNullException>("options", () => PersistentHeap.Open(region, null!));
    }

    [Theory]
    [MemberData(nameof(OfHeap))]
    public void A_call_of_a_heap_refuses_null(int call)
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);

        Assert.Throws<ArgumentNullException>(s_heap[call].Parameter, () => s_heap[call].Call(heap));
    }

    private static PersistentDictionary Owners(PersistentHeap heap) =>
        PersistentDictionary.OpenOrCreate(heap, "owners");
}
