using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;
using GuestMemFs.Tests.Collections;

namespace GuestMemFs.Tests.Inspection;

/// <summary>What inspection and the deep check say of a sorted map.</summary>
public sealed unsafe class SortedMapInspectionTests
{
    private const int Entries = 2_000;

    /// <summary>A fault, and a word of what the deep check says of it.</summary>
    public static TheoryData<string, string> Faults => new()
    {
        { "total", "records are below it" },
        { "order", "out of order" },
        { "order twice", "makes no sense" },
        { "entry lost", "counts" },
        { "slice", "slice" },
        { "branch's slice", "slice of child" },
        { "fence", "fence" },
        { "record", "no record" },
        { "pending", "changed last" },
        { "changes", "not ended" },
        { "leak", "a leak" },
    };

    [Fact]
    public void A_sorted_map_is_named_with_its_figures()
    {
        using PlainSpace space = new(16 << 20);
        Fill(space);

        HeapSnapshot heap = HeapReader.Read(space.Reader());

        HeapRootSnapshot root = Assert.Single(heap.Roots);
        Assert.Equal(("map", HeapRootKind.SortedMap), (root.Name, root.Kind));
        Assert.Null(root.Dictionary);
        SortedMapFigures figures = root.SortedMap!.Value;
        Assert.Equal(
            (Entries, Entries * 32, 0, 3), (figures.Records, figures.RecordBytes, figures.Expiring, figures.Levels));
        Assert.Equal(
            HeapFormat.GroupsOfSeveral | HeapFormat.SortedMaps, *(ulong*)(space.Base + HeapFormat.IncompatOffset));
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void The_deep_check_tells_what_is_wrong(string fault, string said)
    {
        using PlainSpace space = new(16 << 20);
        PersistentSortedMap map = Fill(space);
        Assert.Empty(HeapVerifier.Verify(map.Core.Heap, TestContext.Current.CancellationToken));

        Break(map, fault);

        IReadOnlyList<string> problems = HeapVerifier.Verify(map.Core.Heap, TestContext.Current.CancellationToken);
        Assert.Contains(problems, problem => problem.Contains(said, StringComparison.Ordinal));
    }

    [Fact]
    public void A_word_that_does_not_check_is_refused_and_not_followed()
    {
        using PlainSpace space = new(16 << 20);
        PersistentSortedMap map = Fill(space);
        Way(map, out TreePath path);
        byte[] key = SortedModel.Bytes("key 01000");

        ulong* word = path.Branch(path.Depth - 1).ChildWord(path.Index(path.Depth - 1));
        *word ^= 1UL << 20;
        Assert.Throws<HeapDamagedException>(() => map.Get(key));
        Assert.Throws<HeapDamagedException>(() => map.Set(key, []));
        *word ^= 1UL << 20;
        *path.Leaf.OrderWord ^= 1;
        Assert.Throws<HeapDamagedException>(() => map.Get(key));
        Assert.Throws<HeapDamagedException>(() => map.Rank(key));
        Assert.Throws<HeapDamagedException>(() => map.Scan(key).MoveNext());
        Assert.Throws<HeapDamagedException>(() => map.Remove(key));
    }

    private static PersistentSortedMap Fill(PlainSpace space)
    {
        PersistentSortedMap map = SortedModel.Open(space);
        for (int i = 0; i < Entries; i++)
        {
            map.Set(SortedModel.Bytes($"key {i:D5}"), "a value"u8);
        }

        return map;
    }

    private static void Way(PersistentSortedMap map, out TreePath path)
    {
        path = default;
        Assert.True(new TreeSearch(map.Core.Memory).TryPath("key 01000"u8, GuestMemFs.Collections.Way.To, ref path));
        Assert.Equal(2, path.Depth);
    }

    private static void Break(PersistentSortedMap map, string fault)
    {
        Way(map, out TreePath path);
        TreeNode branch = path.Branch(1);
        TreeNode leaf = path.Leaf;
        Assert.True(leaf.TryOrder(out SlotOrder order));
        int first = order[0];
        switch (fault)
        {
            case "total":
                *branch.TotalWord += 1;
                break;
            case "order":
                *leaf.OrderWord = leaf.OrderFor(order.RemoveAt(0).Insert(order.Count - 1, first));
                break;
            case "order twice":
                *leaf.OrderWord = leaf.OrderFor(order.RemoveAt(0).Insert(0, order[1]));
                break;
            case "entry lost":
                *leaf.OrderWord = leaf.OrderFor(order.RemoveAt(0));
                break;
            case "slice":
                *leaf.Slice(first) += 1;
                break;
            case "branch's slice":
                *branch.Slice(path.Index(1)) += 1;
                break;
            case "fence":
                *leaf.FenceAt += 1;
                break;
            case "record":
                *leaf.RecordWord(first) = SealedOffset.Seal(branch.Offset, leaf.RecordPlace(first));
                break;
            case "pending":
                *map.Core.Memory.Root.PendingWord = map.Core.Memory.Root.PendingFor(branch.Offset);
                break;
            case "changes":
                *map.Core.Memory.Root.ChangesWord += 1;
                break;
            default:
                *map.Core.Memory.Root.NodeWord = map.Core.Memory.Root.NodeFor(branch.Offset);
                break;
        }
    }
}
