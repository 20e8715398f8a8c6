using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>Removing what has expired, some buckets a call, around the table again and again.</summary>
internal sealed unsafe class ExpirySweep(DictionaryState state)
{
    // The bucket that comes next.
    private ulong _cursor;

    public int RemoveExpired<TVisitor>(int buckets, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        int removed = 0;
        state.Heap.ThrowIfClosed();
        if (state.ExpiringCount == 0)
        {
            return 0;
        }

        Lane lane = state.Heap.TakeLane();
        try
        {
            ulong next;
            do
            {
                ulong cursor = Volatile.Read(ref _cursor);
                state.Locks.Enter(cursor);
                try
                {
                    removed += RemoveExpiredIn(lane, cursor, ref visitor);
                    next = cursor + 1 < state.Current.Buckets ? cursor + 1 : 0;
                }
                finally
                {
                    state.Locks.Leave(cursor);
                }

                // of two threads that meet here one moves it on
                Interlocked.CompareExchange(ref _cursor, next, cursor);
            }
            while (--buckets > 0 && next != 0);
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }

        return removed;
    }

    /// <summary>The same in the bucket where a key of that hash lies.</summary>
    public int RemoveExpired<TVisitor>(ulong hash, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        state.Heap.ThrowIfClosed();
        Lane lane = state.Heap.TakeLane();
        try
        {
            state.Locks.Enter(hash);
            try
            {
                ulong index = Table.IndexOf(hash, state.TableUnderLock(hash).Buckets);
                return RemoveExpiredIn(lane, index, ref visitor);
            }
            finally
            {
                state.Locks.Leave(hash);
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    private int RemoveExpiredIn<TVisitor>(Lane lane, ulong index, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        Table table = state.Current;
        if (index >= table.Buckets)
        {
            return 0;
        }

        int removed = 0;
        ulong* bucket = table.Bucket(index);
        Span<ulong> entries = stackalloc ulong[Chain.CopyLength];
        new Chain(state, bucket).TryCopyEntries(entries, out int count);
        foreach (ulong entry in entries[..count])
        {
            byte* record = state.RecordOf(entry, out ulong header);
            if ((RecordFormat.Flags(header) & RecordFormat.HasExpiry) != 0
                && state.IsExpired(RecordFormat.ExpiresAt(record, header))
                && state.IsSound(record, header)) // else the time may be what is wrong: who reads it is told
            {
                visitor.Visit(state.View(record, header));
                ulong* slot = new Chain(state, bucket).Holder(Slot.Offset(entry));
                DictionaryRecords.Remove(state, new() { Lane = lane, Table = table, Bucket = bucket, Slot = slot,
                    Record = record, Header = header });
                removed++;
            }
        }

        return removed;
    }
}
