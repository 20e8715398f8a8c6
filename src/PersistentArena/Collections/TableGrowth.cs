using System.Numerics;
using System.Runtime.Intrinsics.X86;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Growth, one bucket at a time: the new bucket is written where nobody looks yet, then the number of buckets is
/// published, then the old bucket loses what moved. A crash in between leaves moved entries in the old bucket; the next
/// attach takes them out (one bucket, whatever the size).
/// </summary>
internal sealed unsafe class TableGrowth(DictionaryState state, TableSegments segments)
{
    private const int InsertsPerGrowthCheck = 16;

    /// <summary>
    /// Once a doubling has begun it goes on, so that few keys live in buckets twice as full as the others.
    /// </summary>
    private const int SplitsPerCheck = 64;

    /// <summary>Mean entries a bucket, in tenths, at which a doubling begins: four in five slots taken.</summary>
    private const long FillTenths = 56;

    /// <summary>True once a lane has inserted enough for a look whether the table is full.</summary>
    public static bool IsDue(Lane lane) => lane.InsertsSinceGrowthCheck >= InsertsPerGrowthCheck;

    /// <summary>
    /// Splits some buckets where the table is full, and nobody else is at it. No bucket's lock is held.
    /// </summary>
    public void Grow(Lane lane)
    {
        lane.InsertsSinceGrowthCheck = 0;
        if (!WantsGrowth() || !state.Growth.TryEnter())
        {
            return;
        }

        try
        {
            Table table = state.Current; // the one that stays, under the lock of growth
            if (WantsGrowth())
            {
                for (int i = 0; i < SplitsPerCheck && TrySplit(lane, table)
                    && !BitOperations.IsPow2(table.Buckets); i++)
                {
                }
            }
        }
        finally
        {
            state.Growth.Exit();
        }
    }

    /// <summary>After an attach: the last split may not have been cleaned up.</summary>
    public void CleanLastSplit()
    {
        Table table = state.Current;
        ulong last = table.Buckets - 1;
        if (last >= Table.InitialBuckets)
        {
            ulong half = 1UL << BitOperations.Log2(last);
            Lane lane = state.Heap.TakeLane();
            TakeOutMoved(lane, table.Bucket(last - half), half);
            PersistentHeap.ReleaseLane(lane);
        }
    }

    // Without the lock of growth only a hint: the table may be another one already.
    private bool WantsGrowth()
    {
        Table table = state.Current;
        ulong buckets = table.Buckets;
        return !BitOperations.IsPow2(buckets) || table.Sum(0) * 10 >= (long)buckets * FillTenths;
    }

    private bool TrySplit(Lane lane, Table table)
    {
        ulong added = table.Buckets;
        ulong half = 1UL << BitOperations.Log2(added);
        if (!segments.TryMakeRoom(lane, table, added))
        {
            return false;
        }

        // The old and the new bucket share their lock.
        ulong old = added - half;
        state.Locks.Enter(old);
        try
        {
            return TrySplitLocked(lane, table, table.Bucket(old), added, half);
        }
        catch (HeapDamagedException)
        {
            // Growth stops before a damaged bucket. The insert that asked for it is done, and whoever reads there is
            // told.
            return false;
        }
        finally
        {
            state.Locks.Leave(old);
        }
    }

    private bool TrySplitLocked(Lane lane, Table table, ulong* bucket, ulong added, ulong half)
    {
        Span<ulong> entries = stackalloc ulong[Chain.CopyLength];
        if (!new Chain(state, bucket).TryCopyEntries(entries, out int count))
        {
            return false;
        }

        int moving = PartitionMoving(entries[..count], half);
        int overflows = moving <= Slot.PerNode ? 0 : (moving - Slot.PerNode + Slot.PerNode - 2) / (Slot.PerNode - 1);
        Span<long> blocks = stackalloc long[IntentWord.MoreNewCount];
        if (overflows > blocks.Length || !TryTake(lane, blocks[..overflows]))
        {
            return false;
        }

        ulong* target = table.Bucket(added);
        WriteChain(target, entries[..moving], blocks[..overflows]);
        Persist.Store(target + Slot.Version, state.FirstVersion);
        Intent intent = new() { Slot = state.OffsetOf(table.BucketsWord), Value = added + 1,
            MoreNew = blocks[..overflows], SecondSlot = state.OffsetOf(table.BucketsCopyWord),
            SecondValue = Table.BucketsCopy(added + 1) };
        lane.Begin(intent);
        foreach (long block in blocks[..overflows])
        {
            ulong header = BlockHeader.Sized(BlockHeader.TypeOverflow, Table.BucketLength);
            Persist.Publish((ulong*)state.At(block), header);
        }

        Persist.Publish(table.BucketsWord, added + 1); // COMMIT POINT: split
        lane.Finish(intent);
        TakeOutMoved(lane, bucket, half);
        return true;
    }

    private void TakeOutMoved(Lane lane, ulong* bucket, ulong half)
    {
        DictionaryState.Bump(bucket);
        if (!Slot.IsLink(bucket[Slot.Last]))
        {
            for (int i = 0; i < Slot.PerNode; i++)
            {
                if (Slot.IsEntry(bucket[i]) && (HashOf(bucket[i]) & half) != 0)
                {
                    Persist.Publish(bucket + i, 0); // the entry is in the new bucket: nothing else hangs on this store
                }
            }

            return;
        }

        while (FindMoved(bucket, half) is var slot && slot != null)
        {
            Intent intent = default;
            DictionaryRecords.TakeOut(state, lane, bucket, slot, ref intent);
        }
    }

    /// <summary>A slot of the chain whose entry belongs to the other half, or null.</summary>
    private ulong* FindMoved(ulong* bucket, ulong half)
    {
        foreach (ulong* node in new Chain(state, bucket))
        {
            for (int i = 0; i < Slot.PerNode; i++)
            {
                if (Slot.IsEntry(node[i]) && (HashOf(node[i]) & half) != 0)
                {
                    return node + i;
                }
            }
        }

        return null;
    }

    /// <summary>Brings the entries that move to the front, and says how many.</summary>
    private int PartitionMoving(Span<ulong> entries, ulong half)
    {
        if (Sse.IsSupported)
        {
            foreach (ulong entry in entries)
            {
                Sse.Prefetch0(state.At(Slot.Offset(entry)));
            }
        }

        int moving = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            if ((HashOf(entries[i]) & half) != 0)
            {
                (entries[moving], entries[i]) = (entries[i], entries[moving]);
                moving++;
            }
        }

        return moving;
    }

    private ulong HashOf(ulong entry)
    {
        byte* record = state.RecordOf(entry, out ulong header);
        return state.Hash(RecordFormat.Key(record, header));
    }

    private void WriteChain(ulong* node, ReadOnlySpan<ulong> entries, ReadOnlySpan<long> blocks)
    {
        foreach (long block in blocks)
        {
            WriteNode(node, entries[..Slot.Last]);
            Persist.Store(node + Slot.Last, Slot.Link(block));
            entries = entries[Slot.Last..];
            node = (ulong*)state.At(block) + 1;
        }

        WriteNode(node, entries);
    }

    private static void WriteNode(ulong* node, ReadOnlySpan<ulong> entries)
    {
        for (int i = 0; i < Slot.PerNode; i++)
        {
            Persist.Store(node + i, i < entries.Length ? entries[i] : 0);
        }
    }

    /// <summary>
    /// Takes several small blocks, or none. Growth that finds no room waits; the table gets slower, not wrong.
    /// </summary>
    private bool TryTake(Lane lane, Span<long> blocks)
    {
        int taken = 0;
        try
        {
            for (; taken < blocks.Length; taken++)
            {
                blocks[taken] = state.Heap.Blocks.Take(lane, Table.BucketLength);
            }

            return true;
        }
        catch (ArenaOutOfSpaceException)
        {
            while (--taken >= 0)
            {
                state.Heap.Blocks.Give(lane, blocks[taken], Table.BucketLength);
            }

            return false;
        }
    }
}
