using System.Buffers.Binary;
using System.Numerics;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Going through the records. The cursor counts with its bits reversed, so that a bucket that was visited covers all
/// that it is split into later: what is there all the time is seen at least once, however the table grows.
/// </summary>
internal sealed unsafe partial class DictionaryCore
{
    private ulong _expiryCursor;

    public ulong Scan<TVisitor>(ulong cursor, int buckets, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        if (_recovered != null)
        {
            return ScanElsewhere(cursor, buckets, ref visitor);
        }

        do
        {
            cursor = ScanStep(cursor, ref visitor);
        }
        while (cursor != 0 && --buckets > 0);
        _heap.ThrowIfGone();
        return cursor;
    }

    public bool TryVisitRandom<TVisitor>(ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        const int Tries = 1000;
        for (int i = 0; i < Tries && Count > 0; i++)
        {
            ulong hash = (ulong)Random.Shared.NextInt64();
            if (TryVisitOneOf(hash, ref visitor))
            {
                return true;
            }
        }

        // Few records in a large table: the next one from a random place on.
        ulong cursor = (ulong)Random.Shared.NextInt64();
        for (ulong left = 2 * Buckets(); left > 0 && Count > 0; left--)
        {
            if (TryVisitOneOf(cursor++, ref visitor))
            {
                return true;
            }
        }

        return false;
    }

    public int RemoveExpired<TVisitor>(int buckets, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        int removed = 0;
        _heap.ThrowIfClosed();
        if (ExpiringCount == 0)
        {
            return 0;
        }

        Lane lane = _heap.TakeLane();
        try
        {
            ulong next;
            do
            {
                ulong cursor = Volatile.Read(ref _expiryCursor);
                Enter(cursor);
                try
                {
                    removed += RemoveExpiredIn(lane, cursor, ref visitor);
                    next = cursor + 1 < Current.Buckets ? cursor + 1 : 0;
                }
                finally
                {
                    Leave(cursor);
                }

                // of two threads that meet here one moves it on
                Interlocked.CompareExchange(ref _expiryCursor, next, cursor);
            }
            while (--buckets > 0 && next != 0);
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }

        return removed;
    }

    private int RemoveExpiredIn<TVisitor>(Lane lane, ulong index, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        Table table = Current;
        if (index >= table.Buckets)
        {
            return 0;
        }

        int removed = 0;
        ulong* bucket = table.Bucket(index);
        Span<ulong> entries = stackalloc ulong[MaximumEntries];
        new Chain(this, bucket).TryCopyEntries(entries, out int count);
        foreach (ulong entry in entries[..count])
        {
            byte* record = RecordOf(entry, out ulong header);
            if ((RecordFormat.Flags(header) & RecordFormat.HasExpiry) != 0
                && IsExpired(RecordFormat.ExpiresAt(record, header))
                && IsSound(record, header)) // else the time may be what is wrong: who reads it is told
            {
                visitor.Visit(View(record, header));
                Remove(lane, table, bucket, new Chain(this, bucket).Holder(Slot.Offset(entry)), record, header);
                removed++;
            }
        }

        return removed;
    }

    private ulong ScanStep<TVisitor>(ulong cursor, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        // The lock covers the bucket and what it is split into: the table may grow, but not here.
        Enter(cursor);
        try
        {
            Table table = Current;
            ulong buckets = table.Buckets;
            ulong half = 1UL << BitOperations.Log2(buckets);
            ulong index = cursor & (half - 1);
            Visit(table.Bucket(index), ref visitor);
            if (index + half < buckets)
            {
                Visit(table.Bucket(index + half), ref visitor);
            }

            cursor |= ~(half - 1);
        }
        finally
        {
            Leave(cursor);
        }

        return Reverse(Reverse(cursor) + 1);
    }

    private void Visit<TVisitor>(ulong* bucket, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        foreach (ulong* node in new Chain(this, bucket))
        {
            for (int i = 0; i < Slot.PerNode; i++)
            {
                if (Slot.IsEntry(node[i]))
                {
                    byte* record = RecordOf(node[i], out ulong header);
                    ThrowIfUnsound(record, header);
                    if (!IsExpired(RecordFormat.ExpiresAt(record, header)))
                    {
                        visitor.Visit(View(record, header));
                    }
                }
            }
        }
    }

    private bool TryVisitOneOf<TVisitor>(ulong hash, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        if (_recovered != null)
        {
            return TryVisitOneElsewhere(hash, ref visitor);
        }

        Enter(hash);
        try
        {
            Table table = Current;
            Span<ulong> entries = stackalloc ulong[MaximumEntries];
            new Chain(this, table.Bucket(Table.IndexOf(hash, table.Buckets))).TryCopyEntries(entries, out int count);
            int first = count == 0 ? 0 : Random.Shared.Next(count);
            for (int i = 0; i < count; i++)
            {
                byte* record = RecordOf(entries[(first + i) % count], out ulong header);
                ThrowIfUnsound(record, header);
                if (!IsExpired(RecordFormat.ExpiresAt(record, header)))
                {
                    visitor.Visit(View(record, header));
                    return true;
                }
            }

            return false;
        }
        finally
        {
            Leave(hash);
        }
    }

    private static ulong Reverse(ulong value)
    {
        value = ((value >> 1) & 0x5555_5555_5555_5555) | ((value & 0x5555_5555_5555_5555) << 1);
        value = ((value >> 2) & 0x3333_3333_3333_3333) | ((value & 0x3333_3333_3333_3333) << 2);
        value = ((value >> 4) & 0x0F0F_0F0F_0F0F_0F0F) | ((value & 0x0F0F_0F0F_0F0F_0F0F) << 4);
        return BinaryPrimitives.ReverseEndianness(value);
    }
}
