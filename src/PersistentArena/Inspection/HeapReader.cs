using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Inspection;

/// <summary>
/// Reads what a heap says of itself. Every step is checked: these bytes may be damaged, and nobody has recovered them.
/// </summary>
internal static unsafe class HeapReader
{
    /// <summary>Reads it.</summary>
    public static HeapSnapshot Read(IHeapSpace space)
    {
        HeapSnapshot facts = ReadHeader(space);
        try
        {
            PersistentHeap heap = PersistentHeap.Open(space);
            RootShapes shapes = new(heap);
            HeapRootSnapshot[] roots = [.. heap.Roots.Select(name => Root(heap, name, shapes))];
            return facts with { ChangesInFlight = Math.Max(heap.CountInFlight(), MapsBehind(heap)), Roots = roots };
        }
        catch (ArenaException e) when (e is HeapDamagedException or HeapFormatException)
        {
            return facts with { Refusal = e };
        }
    }

    // A change of a sorted map has no intent any more while the totals above its leaf follow.
    private static int MapsBehind(PersistentHeap heap) => new HeapRoots(heap.Space).All().Count(root =>
        root.State == RootState.Live && TreeKind.Is(root.Layout) && root.Offset > 0
        && root.Offset <= heap.Space.Length - TreeRoot.Size && new TreeRoot(heap.Base, root.Offset) is var tree
        && *tree.HeaderWord == TreeRoot.Header && (*tree.ChangesWord & 1) != 0);

    private static HeapSnapshot ReadHeader(IHeapSpace space)
    {
        ulong incompatible = Word(space, HeapFormat.IncompatOffset);
        ulong readOnly = Word(space, HeapFormat.ReadOnlyCompatOffset);
        return new HeapSnapshot
        {
            Region = space.Name,
            LengthBytes = space.Length,
            FormatVersion = Word(space, HeapFormat.VersionOffset),
            Features = new FeatureSet(
                Word(space, HeapFormat.CompatOffset), readOnly, incompatible, readOnly, incompatible),
            FrontierBytes = new HeapFrontier(space).TryRead(out long page) ? page << HeapFormat.PageShift : 0,
        };
    }

    private static HeapRootSnapshot Root(PersistentHeap heap, string name, RootShapes shapes)
    {
        long slot = new HeapRoots(heap.Space).Find(Encoding.UTF8.GetBytes(name), out ulong layout);
        var root = new HeapRootSnapshot
        {
            Name = name,
            LayoutHash = layout,
            Kind = KindOf(layout),
            Shape = shapes.Of(name, KindOf(layout)),
        };
        try
        {
            return slot == 0 ? root : root.Kind switch
            {
                HeapRootKind.Dictionary => root with { Dictionary = Figures(heap, slot) },
                HeapRootKind.Log => root with { Log = LogFiguresOf(heap, name, slot) },
                HeapRootKind.Object => root,
                _ => root with { SortedMap = SortedFigures(heap, name, slot) },
            };
        }
        catch (RootDeletedException)
        {
            return root; // just now
        }
        catch (HeapDamagedException e)
        {
            return root with { Problem = e };
        }
    }

    private static HeapRootKind KindOf(ulong layout) =>
        layout == DictionaryFormat.Layout ? HeapRootKind.Dictionary
        : layout == LogRoot.Layout ? HeapRootKind.Log
        : layout == TreeKind.SortedMap.Layout ? HeapRootKind.SortedMap
        : layout == TreeKind.List.Layout ? HeapRootKind.List
        : layout == TreeKind.Set.Layout ? HeapRootKind.Set
        : layout == TreeKind.PriorityQueue.Layout ? HeapRootKind.PriorityQueue
        : layout == TreeKind.Bytes.Layout ? HeapRootKind.Bytes
        : layout == TreeKind.Bitmap.Layout ? HeapRootKind.Bitmap
        : HeapRootKind.Object;

    private static DictionaryFigures Figures(PersistentHeap heap, long slot)
    {
        IHeapSpace space = heap.Space;
        long root = TableCheck.Block(space, slot, BlockHeader.TypeDictionary, DictionaryFormat.Size);
        long slotOfTable = root + DictionaryFormat.CurrentOffset;
        if (Word(space, slotOfTable) == 0)
        {
            return default; // its making was cut off: the next open that has room ends it
        }

        Table table = new(heap.Base, TableCheck.Block(space, slotOfTable, BlockHeader.TypeTable, Table.Size));
        bool clearing = SealedOffset.Get(Word(space, root + DictionaryFormat.GarbageOffset)) != 0;
        return new DictionaryFigures(table.Sum(0), table.Sum(1), table.Sum(2), (long)table.Buckets, clearing);
    }

    private static SortedMapFigures SortedFigures(PersistentHeap heap, string name, long slot)
    {
        long offset = TableCheck.Block(heap.Space, slot, BlockHeader.TypeSortedMap, TreeRoot.Size);
        TreeRoot root = new(heap.Base, offset);
        var memory = new TreeMemory(heap, root, new RootLife(heap.State, name, offset));
        ulong* counters = root.Counters;
        return root.IsUnfinished ? default
            : memory.TryTop(out TreeNode top)
            ? new SortedMapFigures((long)counters[0], (long)counters[1], (long)counters[2], top.Level + 1)
            : throw memory.Damaged(offset + TreeRoot.NodeOffset, "it should lead to a node of a sorted map");
    }

    private static LogFigures LogFiguresOf(PersistentHeap heap, string name, long slot)
    {
        long offset = TableCheck.Block(heap.Space, slot, BlockHeader.TypeLog, LogRoot.Size);
        LogRoot root = new(heap.Base, offset);
        var memory = new LogMemory(heap, root, new RootLife(heap.State, name, offset));
        var reader = new LogReader(memory);
        (long first, long end) = reader.Ends();
        bool whole = memory.TryDirectory(out LogDirectory directory);
        (int head, int behind) = (0, 0);
        whole = whole && (directory.Offset == 0 || directory.TrySpan(out head, out behind));
        return whole
            ? new LogFigures(end - first, behind - head, new LogPositions(memory).Names().Count, reader.LastId())
            : throw memory.Damaged();
    }

    private static ulong Word(IHeapSpace space, long offset) => Volatile.Read(ref *(ulong*)(space.Base + offset));
}
