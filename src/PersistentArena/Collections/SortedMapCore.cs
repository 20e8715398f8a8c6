using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// An open sorted map: puts its operations together over one <see cref="TreeMemory"/>, ends what a crash left half
/// done, and is what the heap knows of it.
/// </summary>
/// <remarks>
/// <para>An operation uses what stands before it here, and nothing that comes after:</para>
/// <code>
/// TreeMemory            what words lead to; TreeNode, TreePath, SlotOrder
/// LeavesAhead           what a walk comes to next, fetched before
/// TreeSearch            finds leaves and slots; TreeReader and TreeRanks, one look each
/// TreeShaper            splits and joins nodes
/// TreeRecords           the stores that make a change true; SortedChange
/// SortedMapReader, SortedMapWriter, SortedMapExpiry, SortedMapGroup, EntryMover
/// SortedMapCore         opens, and hands on
/// </code>
/// <para>One writer of a map at a time: a lane of the heap first, then <see cref="WriterGate"/>. Readers take neither;
/// after many looks that did not hold one takes the gate, so that it comes to an end.</para>
/// <para>Invariants:</para>
/// <list type="number">
/// <item>Nodes and records change only under the gate. So what was located under it stays where it is.</item>
/// <item>The tree's version changes after a node was replaced, and before it can be used again; a leaf's version after
/// a slot that was in use changed, and before what it held can be used again. A leaf's version counts while the tree's
/// stays.</item>
/// <item>The leaf that the root names as pending is one of the tree's, and totals are behind above that leaf
/// alone.</item>
/// <item>While a group is open no nodes are joined. So the way back of a removal finds a free slot.</item>
/// </list>
/// </remarks>
internal sealed unsafe class SortedMapCore : IGroupMember, IBlockOwner
{
    private readonly TimeProvider _time;
    private readonly TreeRecords _records;
    private readonly WriterGate _gate;
    private readonly SortedMapExpiry _expiry;
    private readonly SortedMapGroup _group;
    private readonly EntryMover _mover;

    private SortedMapCore(PersistentHeap heap, string name, TreeKind kind, TimeProvider time)
    {
        _time = time;
        long root = heap.FindRoot(name, kind.Layout);
        if (root == 0)
        {
            root = Create(heap, name, kind);
        }

        TreeRoot at = new(heap.Base, root);
        Memory = new TreeMemory(heap, at, new RootLife(heap.State, name, root));
        _gate = new WriterGate(heap, name);
        _records = new TreeRecords(Memory);
        Reader = new SortedMapReader(Memory, _gate, time);
        Writer = new SortedMapWriter(Memory, _records, Reader, _gate, time);
        _expiry = new SortedMapExpiry(Reader, Writer);
        _group = new SortedMapGroup(Memory, _records, _gate);
        _mover = new EntryMover(Memory, _records, _gate);
        if (!Guard.Holds(*at.HeaderWord == TreeRoot.Header))
        {
            throw Memory.Damaged(root, "the root of a sorted map does not check");
        }

        if (heap.Space.IsWritable)
        {
            Recover();
            heap.AddOwner(this);
            DroppedRoots.Watch(heap);
        }
        else if (*at.NodeWord == 0)
        {
            throw ArenaReadOnlyException.OfRegion(
                heap.Space.Name, $"finishing the sorted map '{name}', whose creation was interrupted,");
        }
    }

    public PersistentHeap Heap => Memory.Heap;

    public TreeMemory Memory { get; }

    public SortedMapReader Reader { get; }

    public SortedMapWriter Writer { get; }

    public long Count => Reader.Count;

    public long RecordBytes => Counter(1);

    public long ExpiringCount => Counter(2);

    public long LiveBytes => RecordBytes;

    /// <summary>Opens a sorted map or creates it; the open one, where this heap has it open.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The root's name.</param>
    /// <param name="kind">What the root has to be.</param>
    /// <param name="time">The clock; none for whichever it has.</param>
    public static SortedMapCore Open(PersistentHeap heap, string name, TreeKind kind, TimeProvider? time) =>
        !heap.Space.IsWritable ? heap.OpenToRead(() => new SortedMapCore(heap, name, kind, heap.ClockOf(time)))
        : FindOpen(heap, name, kind, time) ?? heap.Alone(() =>
        {
            if (FindOpen(heap, name, kind, time) is { } open)
            {
                return open;
            }

            SortedMapCore core = new(heap, name, kind, heap.ClockOf(time));
            heap.Members.Join(core.Memory.Root.Offset, core);
            return core;
        });

    /// <summary>Removes what has expired among the next entries; returns how many.</summary>
    public int RemoveExpired(int leaves)
    {
        Heap.ThrowIfClosed();
        return ExpiringCount == 0 ? 0 : _expiry.RemoveExpired(leaves);
    }

    public bool IsHeldBy(int thread) => _gate.IsHeldBy(thread);

    public long LengthOf(long block) => _group.LengthOf(block);

    public void Revert(Lane lane, long old, long added) => _group.Revert(lane, old, added);

    public MoveOutcome TryMove(Lane lane, long block, long room) => _mover.TryMove(lane, block, room);

    public void End()
    {
        Memory.End();
        _gate.Close();
    }

    public void GiveUpGarbage(Lane lane)
    {
        // There is none: nodes that are replaced are free at once.
    }

    private static long Create(PersistentHeap heap, string name, TreeKind kind)
    {
        RootForm form = new(kind.Layout, TreeRoot.Size, TreeRoot.Header, kind.Feature);
        return heap.CreateRoot(name, form, block =>
            Persist.Fill(heap.At(block) + sizeof(ulong), TreeRoot.Size - sizeof(ulong), 0));
    }

    private static SortedMapCore? FindOpen(PersistentHeap heap, string name, TreeKind kind, TimeProvider? time)
    {
        long root = heap.FindRoot(name, kind.Layout);
        SortedMapCore? open = root == 0 ? null : (SortedMapCore?)heap.Members.Find(root);
        return open is null || time is null || ReferenceEquals(open._time, time) ? open
            : throw new DictionaryOptionsException(heap.Space.Name, name);
    }

    /// <summary>
    /// Ends what a crash left half done: a root without a leaf, totals, groups that were not committed.
    /// </summary>
    private void Recover()
    {
        if (*Memory.Root.NodeWord == 0)
        {
            Lane lane = Heap.TakeLane();
            try
            {
                _records.InstallTop(lane);
            }
            finally
            {
                PersistentHeap.ReleaseLane(lane);
            }
        }

        _records.FinishTotals();
        Heap.Rollback.RollBackParked(Memory.Root.Offset, this);
    }

    private long Counter(int index)
    {
        long value = (long)Volatile.Read(ref Memory.Root.Counters[index]);
        Memory.ThrowIfGone();
        return value;
    }
}
