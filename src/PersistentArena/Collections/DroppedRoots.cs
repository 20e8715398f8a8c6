using System.Runtime.CompilerServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// The roots of a heap that were deleted and not given back yet: frees what hangs on them, an intent at a time. What a
/// kill interrupted is found by its entry, and freed when a collection is deleted, or when room is needed.
/// </summary>
/// <remarks>
/// <para>Deletion is one store, with which the name is gone. The open collection is told before, so that no thread
/// looks at what is freed afterwards, or changes it.</para>
/// <para>Its lock comes where a collection's own does: behind a lane.</para>
/// </remarks>
internal sealed class DroppedRoots : IBlockOwner
{
    private const int StepsATurn = 256;

    private static readonly ConditionalWeakTable<PersistentHeap, DroppedRoots> s_known = [];

    private readonly PersistentHeap _heap;
    private readonly Lock _lock = new();
    private readonly Dictionary<long, IEmptying> _under = [];

    private DroppedRoots(PersistentHeap heap)
    {
        _heap = heap;
        heap.AddOwner(this);
    }

    public long LiveBytes => 0;

    /// <summary>Those of a heap that this process writes.</summary>
    public static DroppedRoots Of(PersistentHeap heap) => s_known.GetValue(heap, it => new DroppedRoots(it));

    /// <summary>
    /// Where a collection of the heap is opened: sees to what a kill left. In a heap that erases it is freed now.
    /// </summary>
    public static void Watch(PersistentHeap heap)
    {
        if (RootEntries.MayHaveMore(heap.Space)
            && new HeapRoots(heap.Space).All().Exists(it => it.State == RootState.Dropped))
        {
            DroppedRoots roots = Of(heap);
            if (heap.Erases)
            {
                roots.FreeAll();
            }
        }
    }

    /// <summary>
    /// Deletes a root with one store. The heap is the caller's alone, and what it leads to is not in use.
    /// </summary>
    public void Drop(long slot)
    {
        long root = new HeapRoots(_heap.Space).Follow(slot, SizeClasses.Granule);
        _heap.DropRoot(slot);
        End(root);
    }

    // The heap is the caller's alone: no thread is in the collection, and what is freed is freed afterwards.
    private void End(long root)
    {
        if (_heap.Members.Find(root) is { } open)
        {
            open.End();
            _heap.Members.Leave(root);
            _heap.RemoveOwner((IBlockOwner)open);
        }
    }

    /// <summary>
    /// Puts one collection in the place of another one of its kind, which is deleted, with one store: the first name is
    /// what the second one was, and there is no second one. The heap is the caller's alone.
    /// </summary>
    public void Swap(string name, string replacement)
    {
        HeapRoots roots = new(_heap.Space);
        long old = roots.Follow(_heap.RootWordOf(name));
        long next = roots.Follow(_heap.RootWordOf(replacement));
        _heap.SwapRoots(name, replacement);
        End(old);
        End(next); // opened again, it has its new name
    }

    /// <summary>Frees all that hangs on roots that were deleted, beside other writers.</summary>
    public void FreeAll()
    {
        for (bool more = true; more;)
        {
            Lane lane = _heap.TakeLane();
            try
            {
                using (_lock.EnterScope())
                {
                    more = FreeSome(lane, StepsATurn);
                }
            }
            finally
            {
                PersistentHeap.ReleaseLane(lane);
            }
        }
    }

    public MoveOutcome TryMove(Lane lane, long block, long room) => MoveOutcome.NotMine;

    // Where room is needed: a thread that holds the lock sees to it.
    public void GiveUpGarbage(Lane lane)
    {
        if (_lock.TryEnter())
        {
            try
            {
                FreeSome(lane, int.MaxValue);
            }
            finally
            {
                _lock.Exit();
            }
        }
    }

    private bool FreeSome(Lane lane, int steps)
    {
        foreach (FoundRoot root in new HeapRoots(_heap.Space).All().Where(it => it.State == RootState.Dropped))
        {
            if (!_under.TryGetValue(root.Slot, out IEmptying? emptying))
            {
                _under.Add(root.Slot, emptying = Begin(root));
            }

            if (!emptying.Step(lane, steps))
            {
                return true;
            }

            _under.Remove(root.Slot);
            _heap.GiveRootBack(lane, root.Slot);
        }

        return false;
    }

    private unsafe IEmptying Begin(FoundRoot root) => BlockHeader.TypeOf(*(ulong*)_heap.At(root.Offset)) switch
    {
        BlockHeader.TypeBlob => new NothingLeft(),
        BlockHeader.TypeDictionary => new DictionaryEmptying(_heap, root.Offset),
        BlockHeader.TypeSortedMap => new TreeEmptying(_heap, root.Offset),
        BlockHeader.TypeLog => new LogEmptying(_heap, root.Offset),
        _ => throw new HeapDamagedException(_heap.Space.Name, root.Offset, "a deleted root leads to nothing known"),
    };

    private sealed class NothingLeft : IEmptying
    {
        public bool Step(Lane lane, int steps) => true;
    }
}
