using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// An open dictionary: puts its operations together over one <see cref="DictionaryState"/>, ends what a crash left half
/// done, and is what the heap knows of it.
/// </summary>
internal sealed unsafe class DictionaryCore : IGroupMember, IBlockOwner
{
    private readonly TableGrowth _growth;
    private readonly TableGarbage _garbage;
    private readonly TableClearing _clearing;

    private DictionaryCore(PersistentHeap heap, string name, TimeProvider time, bool checksums)
    {
        long root = DictionaryRoot.FindOrCreate(heap, name, checksums);
        State = new DictionaryState(heap, name, time, root, new RootLife(heap.State, name, root));
        TableSegments segments = new(State);
        _growth = new TableGrowth(State, segments);
        _garbage = new TableGarbage(State);
        _clearing = new TableClearing(State, segments, _garbage);
        Writer = new DictionaryWriter(State, _growth);
        Expiry = new ExpirySweep(State);
        if (heap.Space.IsWritable)
        {
            Recover();
            heap.AddOwner(this);
            DroppedRoots.Watch(heap);
        }
        else if (*State.CurrentWord == 0)
        {
            throw ArenaReadOnlyException.OfRegion(heap.Space.Name,
                $"finishing the dictionary '{name}', whose creation was interrupted,");
        }
        else
        {
            TableCheck.Run(heap.Space, State.OffsetOf(State.CurrentWord), whole: true);
        }
    }

    public DictionaryState State { get; }

    public DictionaryWriter Writer { get; }

    public ExpirySweep Expiry { get; }

    public PersistentHeap Heap => State.Heap;

    public long LiveBytes => State.RecordBytes;

    /// <summary>Opens a dictionary or creates it; the open one, where this heap has it open.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The root's name.</param>
    /// <param name="time">The clock; none for whichever it has.</param>
    /// <param name="checksums">True for values with a checksum, where the dictionary is created.</param>
    public static DictionaryCore Open(PersistentHeap heap, string name, TimeProvider? time, bool checksums) =>
        !heap.Space.IsWritable
            ? heap.OpenToRead(() => new DictionaryCore(heap, name, heap.ClockOf(time), checksums))
        : FindOpen(heap, name, time) ?? heap.Alone(() =>
        {
            if (FindOpen(heap, name, time) is { } open)
            {
                return open;
            }

            DictionaryCore core = new(heap, name, heap.ClockOf(time), checksums);
            heap.Members.Join(core.State.Root, core);
            return core;
        });

    /// <summary>Removes everything.</summary>
    public void Clear() => _clearing.Clear();

    /// <summary>
    /// Takes apart some of a cleared table; true where nothing is left. For a timer; room that is needed at once is
    /// made at once.
    /// </summary>
    public bool CollectGarbage(long buckets)
    {
        Heap.ThrowIfClosed();
        if (!_garbage.IsThere)
        {
            return true;
        }

        Lane lane = Heap.TakeLane();
        try
        {
            return _garbage.Collect(lane, buckets);
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    public long LengthOf(long block) => DictionaryGroup.LengthOf(State, block);

    public void Revert(Lane lane, long old, long added) => DictionaryGroup.Revert(State, lane, old, added);

    public bool IsHeldBy(int thread) => State.Locks.IsHeldBy(thread);

    public MoveOutcome TryMove(Lane lane, long block, long room) => RecordMover.TryMove(State, lane, block, room);

    public void End() => State.End();

    public void GiveUpGarbage(Lane lane) => _garbage.TryCollectAll(lane);

    private static DictionaryCore? FindOpen(PersistentHeap heap, string name, TimeProvider? time)
    {
        long root = heap.FindRoot(name, DictionaryFormat.Layout);
        DictionaryCore? open = root == 0 ? null : (DictionaryCore?)heap.Members.Find(root);
        return open is null || time is null || ReferenceEquals(open.State.Time, time) ? open
            : throw new DictionaryOptionsException(heap.Space.Name, name);
    }

    /// <summary>Ends what a crash left half done: an empty root, a split, groups that were not committed.</summary>
    private void Recover()
    {
        if (*State.CurrentWord == 0)
        {
            Lane lane = Heap.TakeLane();
            try
            {
                Heap.MakingRoom(lane, (_clearing, lane), static it =>
                {
                    it._clearing.InstallTable(it.lane);
                    return true;
                });
            }
            finally
            {
                PersistentHeap.ReleaseLane(lane);
            }
        }

        TableCheck.Run(Heap.Space, State.OffsetOf(State.CurrentWord), whole: true);
        if (*State.GarbageWord != 0)
        {
            TableCheck.Run(Heap.Space, State.OffsetOf(State.GarbageWord), whole: false);
            TableCheck.Segments(Heap.Space, new Table(Heap.Base, SealedOffset.Get(*State.GarbageWord)));
        }

        Heap.Blocks.BeforeSearch(CheckSegments);
        _growth.CleanLastSplit();
        if (Heap.Erases)
        {
            Lane lane = Heap.TakeLane();
            try
            {
                _garbage.Collect(lane, long.MaxValue); // a clear that a crash interrupted
            }
            finally
            {
                PersistentHeap.ReleaseLane(lane);
            }
        }

        Heap.Rollback.RollBackParked(State.Root, this);
    }

    // Called with no lock of the dictionary, at times from within growth or clearing: what is no more the table by the
    // end is nobody's to judge.
    private void CheckSegments()
    {
        if (State.IsEnded)
        {
            return;
        }

        Table table = State.Current;
        try
        {
            TableCheck.Segments(Heap.Space, table);
        }
        catch (HeapDamagedException) when (State.IsEnded || !table.IsSame(State.Current))
        {
            CheckSegments();
        }
    }
}
