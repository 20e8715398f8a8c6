using System.Numerics;

namespace GuestMemFs.Collections;

/// <summary>Going through the records, a bucket at a time, under its lock.</summary>
internal static unsafe class DictionaryScan
{
    public static ulong Scan<TVisitor>(DictionaryState state, ulong cursor, int buckets, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        if (state.IsForeign)
        {
            return ForeignScan.Scan(state, cursor, buckets, ref visitor);
        }

        do
        {
            cursor = ScanStep(state, cursor, ref visitor);
        }
        while (cursor != 0 && --buckets > 0);
        state.ThrowIfGone();
        return cursor;
    }

    public static bool TryVisitRandom<TVisitor>(DictionaryState state, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        const int Tries = 1000;
        for (int i = 0; i < Tries && state.Count > 0; i++)
        {
            ulong hash = (ulong)Random.Shared.NextInt64();
            if (TryVisitOneOf(state, hash, ref visitor))
            {
                return true;
            }
        }

        // Few records in a large table: the next one from a random place on.
        ulong cursor = (ulong)Random.Shared.NextInt64();
        for (ulong left = 2 * state.Buckets(); left > 0 && state.Count > 0; left--)
        {
            if (TryVisitOneOf(state, cursor++, ref visitor))
            {
                return true;
            }
        }

        return false;
    }

    private static ulong ScanStep<TVisitor>(DictionaryState state, ulong cursor, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        // The lock covers the bucket and what it is split into: the table may grow, but not here.
        state.Locks.Enter(cursor);
        try
        {
            Table table = state.Current;
            ulong buckets = table.Buckets;
            ulong half = 1UL << BitOperations.Log2(buckets);
            ulong index = cursor & (half - 1);
            Visit(state, table.Bucket(index), ref visitor);
            if (index + half < buckets)
            {
                Visit(state, table.Bucket(index + half), ref visitor);
            }

            return ScanCursor.Next(cursor, half);
        }
        finally
        {
            state.Locks.Leave(cursor);
        }
    }

    private static void Visit<TVisitor>(DictionaryState state, ulong* bucket, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        foreach (ulong* node in new Chain(state, bucket))
        {
            for (int i = 0; i < Slot.PerNode; i++)
            {
                if (Slot.IsEntry(node[i]))
                {
                    TryVisit(state, node[i], ref visitor);
                }
            }
        }
    }

    /// <summary>Shows the record of an entry; false where it has expired.</summary>
    private static bool TryVisit<TVisitor>(DictionaryState state, ulong entry, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        byte* record = state.RecordOf(entry, out ulong header);
        state.ThrowIfUnsound(record, header);
        if (state.IsExpired(RecordFormat.ExpiresAt(record, header)))
        {
            return false;
        }

        visitor.Visit(state.View(record, header));
        return true;
    }

    private static bool TryVisitOneOf<TVisitor>(DictionaryState state, ulong hash, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        if (state.IsForeign)
        {
            return ForeignScan.TryVisitOne(state, hash, ref visitor);
        }

        state.Locks.Enter(hash);
        try
        {
            Table table = state.Current;
            Span<ulong> entries = stackalloc ulong[Chain.CopyLength];
            new Chain(state, table.Bucket(Table.IndexOf(hash, table.Buckets))).TryCopyEntries(entries, out int count);
            int first = count == 0 ? 0 : Random.Shared.Next(count);
            for (int i = 0; i < count; i++)
            {
                if (TryVisit(state, entries[(first + i) % count], ref visitor))
                {
                    return true;
                }
            }

            return false;
        }
        finally
        {
            state.Locks.Leave(hash);
        }
    }
}
