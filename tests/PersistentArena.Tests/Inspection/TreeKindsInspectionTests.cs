using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Inspection;

/// <summary>What inspection and the deep check say of collections that lie in sorted maps.</summary>
public sealed unsafe class TreeKindsInspectionTests
{
    [Fact]
    public void Each_kind_is_named_and_checked()
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        Fill(heap);

        HeapSnapshot snapshot = HeapReader.Read(space.Reader());

        Assert.Equal(
            [
                ("list", HeapRootKind.List, 100), ("set", HeapRootKind.Set, 1),
                ("queue", HeapRootKind.PriorityQueue, 2), ("bytes", HeapRootKind.Bytes, 2),
                ("bits", HeapRootKind.Bitmap, 1),
            ],
            snapshot.Roots.Select(root => (root.Name, root.Kind, (int)root.SortedMap!.Value.Records)));
        Assert.Equal(
            HeapFormat.GroupsOfSeveral | HeapFormat.TreeKinds, *(ulong*)(space.Base + HeapFormat.IncompatOffset));
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Damage_in_one_is_told_by_the_deep_check()
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        Fill(heap);
        PersistentSortedMap map = PersistentSortedMap.OpenAs(heap, "list", GuestMemFs.Collections.TreeKind.List);

        *map.Core.Memory.Root.ChangesWord += 1;

        Assert.Contains(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken),
            problem => problem.Contains("not ended", StringComparison.Ordinal));
    }

    [Fact]
    public void A_library_that_does_not_know_them_refuses_the_heap()
    {
        using PlainSpace space = new(16 << 20);
        PersistentSet.OpenOrCreate(PersistentHeap.Open(space), "set");

        // As it would look to one that does not know the bit: a bit that none knows.
        ulong* features = (ulong*)(space.Base + HeapFormat.IncompatOffset);
        Assert.NotEqual(0ul, *features & HeapFormat.TreeKinds);
        Assert.Equal(0ul, *features & ~HeapFormat.KnownIncompatible);
        Assert.Equal(0ul, HeapFormat.TreeKinds & (HeapFormat.GroupsOfSeveral | HeapFormat.SortedMaps
            | HeapFormat.ValueChecksums | HeapFormat.Erasing | HeapFormat.Logs | HeapFormat.NestedCollections));
    }

    private static void Fill(PersistentHeap heap)
    {
        PersistentList list = PersistentList.OpenOrCreate(heap, "list");
        for (int i = 0; i < 100; i++)
        {
            list.AddLast(BitConverter.GetBytes(i));
        }

        PersistentSet.OpenOrCreate(heap, "set").Add("member"u8);
        PersistentPriorityQueue.OpenOrCreate(heap, "queue").Enqueue(1, "payload"u8);
        PersistentBytes.OpenOrCreate(heap, "bytes").Append(new byte[5_000]);
        PersistentBitmap.OpenOrCreate(heap, "bits").Set(5, true);
    }
}
