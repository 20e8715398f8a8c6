using System.Runtime.CompilerServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What a sorted map does: opening, the lock of its writers, changes, reads that look again, groups, moves.
/// </summary>
/// <remarks>
/// <para>One writer of a map at a time: a lane of the heap first, then <see cref="_gate"/>. Readers take neither; after
/// many looks that did not hold one takes the gate, so that it comes to an end.</para>
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
    /// <summary>Looks before a reader keeps writers out.</summary>
    private const int MaximumLooks = 1000;

    private readonly PersistentHeap _heap;
    private readonly TimeProvider _time;
    private readonly TreeMemory _memory;
    private readonly TreeRecords _records;
    private readonly TreeReader _reader;
    private readonly TreeRanks _ranks;
    private SortedBatch? _expiry;
    private int _gate;

    private SortedMapCore(PersistentHeap heap, string name, TimeProvider time)
    {
        _heap = heap;
        _time = time;
        long root = heap.FindRoot(name, TreeRoot.Layout);
        if (root == 0)
        {
            root = Create(heap, name);
        }

        TreeRoot at = new(heap.Base, root);
        _memory = new TreeMemory(heap, at);
        _records = new TreeRecords(_memory);
        _reader = new TreeReader(_memory, time);
        _ranks = new TreeRanks(_memory);
        if (!Guard.Holds(*at.HeaderWord == TreeRoot.Header))
        {
            throw _memory.Damaged(root, "the root of a sorted map does not check");
        }

        if (heap.Space.IsWritable)
        {
            Recover();
            heap.AddOwner(this);
        }
        else if (*at.NodeWord == 0)
        {
            throw ArenaReadOnlyException.OfRegion(
                heap.Space.Name, $"finishing the sorted map '{name}', whose creation was interrupted,");
        }
    }

    public PersistentHeap Heap => _heap;

    public TreeMemory Memory => _memory;

    public long Count => Counter(0);

    public long RecordBytes => Counter(1);

    public long ExpiringCount => Counter(2);

    public long LiveBytes => RecordBytes;

    /// <summary>Opens a sorted map or creates it; the open one, where this heap has it open.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The root's name.</param>
    /// <param name="time">The clock; none for whichever it has.</param>
    public static SortedMapCore Open(PersistentHeap heap, string name, TimeProvider? time) =>
        !heap.Space.IsWritable ? new SortedMapCore(heap, name, time ?? TimeProvider.System)
        : FindOpen(heap, name, time) ?? heap.Alone(() =>
        {
            if (FindOpen(heap, name, time) is { } open)
            {
                return open;
            }

            SortedMapCore core = new(heap, name, time ?? TimeProvider.System);
            heap.Groups.Join(core._memory.Root.Offset, core);
            return core;
        });

    public bool TryRead<TReader>(ReadOnlySpan<byte> key, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct
    {
        for (int looks = 0; looks < MaximumLooks; looks++)
        {
            if (_reader.TryLook(key, ref reader, out bool exists))
            {
                _heap.ThrowIfGone();
                return exists;
            }
        }

        return ReadLocked(key, ref reader);
    }

    /// <summary>Fills a batch with what comes next in its direction; nothing where it has ended.</summary>
    public void Fill(SortedBatch batch)
    {
        do
        {
            batch.Clear();
            int looks = 0;
            while (!_reader.TryFill(batch))
            {
                if (++looks == MaximumLooks)
                {
                    FillLocked(batch);
                    break;
                }
            }
        }
        while (batch.Count == 0 && !batch.IsEnded);
        _heap.ThrowIfGone();
    }

    /// <summary>How many keys are below one.</summary>
    public long Rank(ReadOnlySpan<byte> key)
    {
        for (int looks = 1; ; looks++)
        {
            if (_ranks.Rank(key, out long rank) is var look && IsEnough(look, looks))
            {
                _heap.ThrowIfGone();
                return rank;
            }

            if (looks == MaximumLooks && _heap.Space.IsWritable)
            {
                return RankLocked(key);
            }
        }
    }

    /// <summary>Copies the entry with so many keys below it; an empty batch where there are fewer.</summary>
    public SortedBatch Select(long rank)
    {
        SortedBatch batch = new(start: null, includesStart: true, end: null, descends: false, limit: 1);
        for (int looks = 1; !IsEnough(_ranks.Select(rank, batch), looks); looks++)
        {
            batch.Clear();
            if (looks == MaximumLooks && _heap.Space.IsWritable)
            {
                SelectLocked(rank, batch);
                break;
            }
        }

        _heap.ThrowIfGone();
        return batch;
    }

    public void Mutate<TMutation>(ReadOnlySpan<byte> key, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        Lane lane = _heap.TakeLane();
        try
        {
            ArenaOutOfSpaceException? refused = TryMutate(lane, key, ref mutation);
            if (refused is not null)
            {
                MutateMakingRoom(lane, key, ref mutation, refused);
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    /// <summary>Removes what has expired among the next entries; returns how many.</summary>
    public int RemoveExpired(int leaves)
    {
        _heap.ThrowIfClosed();
        int removed = 0;
        if (ExpiringCount == 0)
        {
            return 0;
        }

        SortedBatch batch = Interlocked.Exchange(ref _expiry, null)
            ?? new SortedBatch([], includesStart: true, end: null, descends: false) { KeepsExpired = true };
        for (int i = 0; i < leaves && !batch.IsEnded; i++)
        {
            Fill(batch);
            for (int k = 0; k < batch.Count; k++)
            {
                if (IsExpired(batch.ExpiresAt(k)))
                {
                    removed += TryRemoveExpired(batch.Key(k)) ? 1 : 0;
                }
            }
        }

        _expiry = batch.IsEnded ? null : batch;
        return removed;
    }

    public bool IsHeldBy(int thread) => Volatile.Read(ref _gate) == thread;

    public long LengthOf(long block) =>
        _memory.TryRecord(block, out _, out ulong header) ? RecordFormat.Length(header)
            : throw _memory.Damaged(block, "a group's log leads here, where there is no record");

    /// <summary>Undoes one change of a group, if it happened and was not undone before.</summary>
    public void Revert(Lane lane, long old, long added)
    {
        long witness = added != 0 ? added : old;
        if (!BlockHeader.IsAllocated(*(ulong*)_memory.At(witness)))
        {
            return; // the change was never begun, or is undone
        }

        LengthOf(witness); // damage is told of here
        ulong header = *(ulong*)_memory.At(witness);
        Enter();
        try
        {
            TreePath path = default;
            Target target = _records.Locate(RecordFormat.Key(_memory.At(witness), header), ref path);
            bool isThere = target.IsThere && target.Record == _memory.At(witness);
            if (added == 0)
            {
                RevertRemoval(lane, ref path, target, old, header);
            }
            else if (isThere && old == 0)
            {
                _records.Remove(lane, path, target, frees: true);
            }
            else if (isThere)
            {
                LengthOf(old);
                _records.Replace(lane, path, target, old, *(ulong*)_memory.At(old), frees: true);
            }
        }
        finally
        {
            Leave();
        }
    }

    public MoveOutcome TryMove(Lane lane, long block, long room)
    {
        Enter();
        try
        {
            // Until a slot has been seen to name it, the block may be anybody's: its key is only a guess at the way.
            if (!_memory.TryRecord(block, out byte* record, out ulong header) || RecordFormat.Length(header) > room)
            {
                return MoveOutcome.NotMine;
            }

            TreePath path = default;
            Target target = _records.Locate(RecordFormat.Key(record, header), ref path);
            if (target.Record != record || !target.IsThere)
            {
                return MoveOutcome.NotMine;
            }

            long copy = _heap.Blocks.TakeForMove(lane, RecordFormat.Length(target.Header));
            if (copy == 0)
            {
                return MoveOutcome.NoRoom;
            }

            _records.Move(lane, path, target, copy);
            return MoveOutcome.Moved;
        }
        finally
        {
            Leave();
        }
    }

    public void GiveUpGarbage(Lane lane)
    {
        // There is none: nodes that are replaced are free at once.
    }

    private static long Create(PersistentHeap heap, string name)
    {
        RootForm form = new(TreeRoot.Layout, TreeRoot.Size, TreeRoot.Header, HeapFormat.SortedMaps);
        return heap.CreateRoot(name, form, block =>
            Persist.Fill(heap.At(block) + sizeof(ulong), TreeRoot.Size - sizeof(ulong), 0));
    }

    private static SortedMapCore? FindOpen(PersistentHeap heap, string name, TimeProvider? time)
    {
        long root = heap.FindRoot(name, TreeRoot.Layout);
        SortedMapCore? open = root == 0 ? null : (SortedMapCore?)heap.Groups.Find(root);
        return open is null || time is null || ReferenceEquals(open._time, time) ? open
            : throw new DictionaryOptionsException(heap.Space.Name, name);
    }

    /// <summary>
    /// Ends what a crash left half done: a root without a leaf, totals, groups that were not committed.
    /// </summary>
    private void Recover()
    {
        if (*_memory.Root.NodeWord == 0)
        {
            Lane lane = _heap.TakeLane();
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
        _heap.Groups.RollBackParked(_memory.Root.Offset, this);
    }

    private long Counter(int index)
    {
        long value = (long)Volatile.Read(ref _memory.Root.Counters[index]);
        _heap.ThrowIfGone();
        return value;
    }

    private bool TryRemoveExpired(ReadOnlySpan<byte> key)
    {
        Lane lane = _heap.TakeLane();
        try
        {
            Enter();
            try
            {
                TreePath path = default;
                Target target = _records.Locate(key, ref path);
                bool isExpired = target.IsThere && IsExpired(RecordFormat.ExpiresAt(target.Record, target.Header));
                if (isExpired)
                {
                    new SortedChange(_memory, _records, lane, key, target).Remove(path);
                }

                return isExpired;
            }
            finally
            {
                Leave();
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    // In a process that only reads no lock keeps the writer out, and one that died in a change has left an odd number.
    private bool IsEnough(TotalsLook look, int looks) =>
        look == TotalsLook.Exact || (look == TotalsLook.Rough && looks >= MaximumLooks && !_heap.Space.IsWritable);

    private bool IsExpired(long expiresAt) =>
        expiresAt != RecordView.NoExpiry && expiresAt <= _time.GetUtcNow().ToUnixTimeMilliseconds();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool ReadLocked<TReader>(ReadOnlySpan<byte> key, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct
    {
        Enter();
        try
        {
            bool exists;
            SpinWait spin = default;
            while (!_reader.TryLook(key, ref reader, out exists))
            {
                spin.SpinOnce(); // a writer in another process takes no lock of this one
            }

            return exists;
        }
        finally
        {
            Leave();
        }
    }

    private void FillLocked(SortedBatch batch)
    {
        Enter();
        try
        {
            SpinWait spin = default;
            while (!_reader.TryFill(batch))
            {
                spin.SpinOnce();
            }
        }
        finally
        {
            Leave();
        }
    }

    private long RankLocked(ReadOnlySpan<byte> key)
    {
        Enter();
        try
        {
            return _ranks.Rank(key, out long rank) == TotalsLook.Exact ? rank : throw TotalsChange();
        }
        finally
        {
            Leave();
        }
    }

    private void SelectLocked(long rank, SortedBatch batch)
    {
        Enter();
        try
        {
            if (_ranks.Select(rank, batch) != TotalsLook.Exact)
            {
                throw TotalsChange();
            }
        }
        finally
        {
            Leave();
        }
    }

    private HeapDamagedException TotalsChange() =>
        _memory.Damaged(_memory.Root.Offset, "totals change without a writer");

    /// <summary>
    /// One try under the map's lock; what it gives back is the refusal of a block, after which no record was changed.
    /// </summary>
    private ArenaOutOfSpaceException? TryMutate<TMutation>(Lane lane, ReadOnlySpan<byte> key, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        Enter();
        try
        {
            MutateLocked(lane, key, ref mutation);
            return null;
        }
        catch (ArenaOutOfSpaceException refused)
        {
            return refused;
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>
    /// Makes room, without the map's lock, and tries again; others may take what was made before this does.
    /// </summary>
    private void MutateMakingRoom<TMutation>(
        Lane lane, ReadOnlySpan<byte> key, ref TMutation mutation, ArenaOutOfSpaceException refused)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        const int Tries = 64;
        try
        {
            for (int tries = 1; ; tries++)
            {
                if (tries > Tries || !_heap.MakeRoom(lane, refused.Asked))
                {
                    throw refused;
                }

                if (TryMutate(lane, key, ref mutation) is not { } again)
                {
                    return;
                }

                refused = again;
            }
        }
        finally
        {
            lane.TakesAnything = false;
        }
    }

    private void MutateLocked<TMutation>(Lane lane, ReadOnlySpan<byte> key, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        TreePath path = default;
        Target target = _records.Locate(key, ref path);
        bool exists = target.IsThere && !IsExpired(RecordFormat.ExpiresAt(target.Record, target.Header));
        RecordView current = exists ? RecordView.Of(target.Record, target.Header) : default;
        MutationPlan plan = mutation.Plan(current);
        SortedChange change = new(_memory, _records, lane, key, target);
        switch (plan.Kind)
        {
            case MutationPlan.Action.Put:
                change.Put(ref path, ref mutation, current, plan);
                break;
            case MutationPlan.Action.PutInteger:
                change.PutInteger(ref path, plan, exists);
                break;
            case MutationPlan.Action.SetExpiry when exists:
                change.SetExpiry(ref path, plan.ExpiresAt);
                break;
            case MutationPlan.Action.Remove when target.IsThere:
                change.Remove(path);
                break;
        }
    }

    // A removed record gets a slot again. Of what came meanwhile in the same group nothing is there any more, so there
    // is a free one.
    private void RevertRemoval(Lane lane, ref TreePath path, in Target target, long old, ulong header)
    {
        if (!target.IsThere)
        {
            _records.MakeSlot(lane, RecordFormat.Key(_memory.At(old), header), ref path);
            _records.Insert(lane, path, old, header, isNew: false);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Enter()
    {
        int me = ThreadNumber.Current;
        if (Interlocked.CompareExchange(ref _gate, me, 0) != 0)
        {
            Gate.Wait(ref _gate, me, _heap);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Leave() => Volatile.Write(ref _gate, 0);
}
