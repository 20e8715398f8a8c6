using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>Changes of a sorted map, one at a time, and the removal of what has expired.</summary>
internal sealed unsafe class SortedMapWriter(
    TreeMemory memory, TreeRecords records, SortedMapReader reader, WriterGate gate, TimeProvider time)
{
    public void Mutate<TMutation>(ReadOnlySpan<byte> key, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        GivenKey given = new(key);
        Mutate(ref given, default, ref mutation);
    }

    /// <summary>
    /// Changes the record of the key that is chosen under the map's lock; false where none was: nothing was changed.
    /// </summary>
    public bool MutateChosen<TChoice, TMutation>(ref TChoice choice, ref TMutation mutation)
        where TChoice : struct, IKeyChoice, allows ref struct
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        byte* room = stackalloc byte[IKeyChoice.Room];
        return Mutate(ref choice, new Span<byte>(room, IKeyChoice.Room), ref mutation);
    }

    /// <summary>
    /// Joins leaves around a key that hold few: a group that removed many could not, for it may have had to go back.
    /// </summary>
    public void Thin(ReadOnlySpan<byte> key)
    {
        Lane lane = memory.Heap.TakeLane();
        try
        {
            if (lane.InGroup)
            {
                return;
            }

            gate.Enter();
            try
            {
                records.ThinFrom(lane, key);
            }
            finally
            {
                gate.Leave();
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    /// <summary>Removes a record where it has expired; false where it has not, or there is none.</summary>
    public bool TryRemoveExpired(ReadOnlySpan<byte> key)
    {
        Lane lane = memory.Heap.TakeLane();
        try
        {
            gate.Enter();
            try
            {
                TreePath path = default;
                Target target = records.Locate(key, ref path);
                bool isExpired = target.IsThere && IsExpired(RecordFormat.ExpiresAt(target.Record, target.Header));
                if (isExpired)
                {
                    new SortedChange(memory, records, lane, key, target).Remove(path);
                }

                return isExpired;
            }
            finally
            {
                gate.Leave();
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    public bool IsExpired(long expiresAt) =>
        expiresAt != RecordView.NoExpiry && expiresAt <= time.GetUtcNow().ToUnixTimeMilliseconds();

    private bool Mutate<TChoice, TMutation>(ref TChoice choice, Span<byte> room, ref TMutation mutation)
        where TChoice : struct, IKeyChoice, allows ref struct
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        Lane lane = memory.Heap.TakeLane();
        try
        {
            ArenaOutOfSpaceException? refused = TryMutate(lane, ref choice, room, ref mutation, out bool isChosen);
            return refused is null ? isChosen : MutateMakingRoom(lane, ref choice, room, ref mutation, refused);
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    /// <summary>
    /// One try under the map's lock; what it gives back is the refusal of a block, after which no record was changed.
    /// </summary>
    private ArenaOutOfSpaceException? TryMutate<TChoice, TMutation>(
        Lane lane, ref TChoice choice, Span<byte> room, ref TMutation mutation, out bool isChosen)
        where TChoice : struct, IKeyChoice, allows ref struct
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        isChosen = false;
        gate.Enter();
        try
        {
            isChosen = choice.TryChoose(reader, room, out ReadOnlySpan<byte> key);
            if (isChosen)
            {
                MutateLocked(lane, key, ref mutation);
            }

            if (reader.MetEmptyLeaf && !lane.InGroup)
            {
                reader.MetEmptyLeaf = false;
                records.ThinEnds(lane);
            }

            return null;
        }
        catch (ArenaOutOfSpaceException refused)
        {
            return refused;
        }
        finally
        {
            gate.Leave();
        }
    }

    /// <summary>
    /// Makes room, without the map's lock, and tries again; others may take what was made before this does.
    /// </summary>
    private bool MutateMakingRoom<TChoice, TMutation>(
        Lane lane, ref TChoice choice, Span<byte> room, ref TMutation mutation, ArenaOutOfSpaceException refused)
        where TChoice : struct, IKeyChoice, allows ref struct
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        const int Tries = 64;
        try
        {
            for (int tries = 1; ; tries++)
            {
                if (tries > Tries || !memory.Heap.MakeRoom(lane, refused.Requested))
                {
                    throw refused;
                }

                if (TryMutate(lane, ref choice, room, ref mutation, out bool isChosen) is not { } again)
                {
                    return isChosen;
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
        Target target = records.Locate(key, ref path);
        bool exists = target.IsThere && !IsExpired(RecordFormat.ExpiresAt(target.Record, target.Header));
        RecordView current = exists ? RecordView.Of(target.Record, target.Header) : default;
        RecordChange wanted = mutation.Decide(current);
        SortedChange change = new(memory, records, lane, key, target);
        switch (wanted.Kind)
        {
            case RecordChange.Action.Put:
                change.Put(ref path, ref mutation, current, wanted);
                break;
            case RecordChange.Action.PutInteger:
                change.PutInteger(ref path, wanted, exists);
                break;
            case RecordChange.Action.SetExpiry when exists:
                change.SetExpiry(ref path, wanted.ExpiresAt);
                break;
            case RecordChange.Action.Remove when target.IsThere:
                change.Remove(path);
                break;
        }
    }
}
