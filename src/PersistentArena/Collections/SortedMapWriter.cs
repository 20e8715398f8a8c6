using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>Changes of a sorted map, one at a time, and the removal of what has expired.</summary>
internal sealed unsafe class SortedMapWriter(
    TreeMemory memory, TreeRecords records, WriterGate gate, TimeProvider time)
{
    public void Mutate<TMutation>(ReadOnlySpan<byte> key, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        Lane lane = memory.Heap.TakeLane();
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

    /// <summary>
    /// One try under the map's lock; what it gives back is the refusal of a block, after which no record was changed.
    /// </summary>
    private ArenaOutOfSpaceException? TryMutate<TMutation>(Lane lane, ReadOnlySpan<byte> key, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        gate.Enter();
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
            gate.Leave();
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
                if (tries > Tries || !memory.Heap.MakeRoom(lane, refused.Asked))
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
