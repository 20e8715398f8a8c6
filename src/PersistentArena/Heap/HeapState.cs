using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace GuestMemFs.Heap;

/// <summary>
/// What all of a heap's operations share: its memory, its lanes, its blocks, and whether the memory is still there.
/// </summary>
/// <remarks>
/// <para>A class uses what stands before it here, and nothing that comes after:</para>
/// <code>
/// PageTable, HeapFrontier
/// BlockEraser, Lane    zeroes what is freed; the intent of a change
/// GroupLog             what a group replaced
/// FreeRuns, RunAllocator, PageWalker, SlabStock
/// KeptBlocks           what lanes keep for themselves
/// BlockSupply          where blocks come from
/// PageEmptying         pages that are being emptied
/// BlockAllocator       takes and gives
/// KeptObjects          what readers of objects are protected from
/// HeapState            this
/// HeapHeader, RootEntries, StructShape, LayoutHash, HeapRoots, HeapObjects
/// GroupLogWriter       notes a change of a group
/// ObjectRecords        the stores that make a change of an object true
/// GroupMembers, GroupRollback
/// HeapLanes            which threads may change the heap
/// HeapGroups, AtomicGroup
/// SnapshotPages, SnapshotSpace, HeapSnapshots
/// BlockOwners, Compactor
/// NamedRoots, RootLife, ObjectWriter, PersistentRoot
/// HeapRecovery, HeapAttach
/// PersistentHeap       opens, and hands on
/// PersistentSnapshot
/// </code>
/// <para>Locks are taken in this order:</para>
/// <list type="number">
/// <item>a lane, or the whole heap (<see cref="HeapLanes"/>), for any change;</item>
/// <item>that of the named roots, to make one;</item>
/// <item>the compactor's gate;</item>
/// <item>a collection's own, or that of the objects;</item>
/// <item>the heap's lock, within <see cref="BlockAllocator"/>.</item>
/// </list>
/// </remarks>
internal sealed unsafe class HeapState
{
    private readonly Lane[] _lanes = new Lane[HeapFormat.LaneCount];
    private readonly BlockAllocator? _blocks;
    private volatile bool _gone;

    public HeapState(IHeapSpace space)
    {
        Space = space;
        Base = space.Base;
        for (int i = 0; i < _lanes.Length; i++)
        {
            _lanes[i] = new Lane(i, Base, space.Epoch);
        }

        if (space.IsWritable)
        {
            space.FillHoles(FrontierBytes);
            _blocks = new BlockAllocator(space, _lanes);
        }
    }

    public IHeapSpace Space { get; }

    public byte* Base { get; }

    public Lane[] Lanes => _lanes;

    /// <exception cref="ArenaReadOnlyException">The heap was opened to read.</exception>
    public BlockAllocator Blocks => _blocks ?? throw ArenaReadOnlyException.OfRegion(Space.Name, "changing its heap");

    /// <summary>Objects that were freed while readers were among them.</summary>
    public KeptObjects KeptObjects { get; } = new();

    /// <summary>What this attach found in flight.</summary>
    public HeapRecoveryReport Recovery { get; set; }

    public long FrontierBytes => new HeapFrontier(Space).Read() << HeapFormat.PageShift;

    /// <summary>Where readers of other processes see that a writer has ended the changes of one that died.</summary>
    public ulong* RecoveredWord => (ulong*)(Base + HeapFormat.RecoveredOffset);

    public byte* At(long offset) => Base + offset;

    /// <summary>
    /// Changes and groups that were begun and not ended: what recovery looks at. Exact where nobody writes.
    /// </summary>
    public int CountInFlight()
    {
        int count = 0;
        foreach (Lane lane in _lanes)
        {
            count += lane.Words[IntentWord.Operation] != 0 || GroupLog.StateOf(Space, lane) != GroupLog.Idle ? 1 : 0;
        }

        return count;
    }

    /// <summary>Has freed blocks zeroed from now on. While nobody changes the heap.</summary>
    public BlockEraser EraseFromNowOn()
    {
        BlockEraser eraser = new(Space);
        foreach (Lane lane in _lanes)
        {
            lane.EraseWith(eraser);
        }

        return eraser;
    }

    /// <summary>
    /// The region is about to be unmapped: from now on readers find zeros in its place, and are to say so.
    /// </summary>
    public void MarkGone() => _gone = true;

    /// <summary>
    /// Throws where the region was unmapped. For the paths that end without a record: what they saw may have been zeros
    /// in its place.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ThrowIfGone()
    {
        if (_gone)
        {
            ThrowGone();
        }
    }

    [DoesNotReturn]
    private void ThrowGone() => throw Space.Gone();
}
