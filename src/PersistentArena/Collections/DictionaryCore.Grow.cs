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
internal sealed unsafe partial class DictionaryCore
{
    private const int InsertsPerGrowthCheck = 16;

    /// <summary>
    /// Once a doubling has begun it goes on, so that few keys live in buckets twice as full as the others.
    /// </summary>
    private const int SplitsPerCheck = 64;

    /// <summary>Mean entries a bucket, in tenths, at which a doubling begins: four in five slots taken.</summary>
    private const long FillTenths = 56;

    private const int MaximumEntries = 96;
    private const long BackingStep = 128 << 10;
    private const long BackingAheadLength = 8 << 20;

    private void Grow(Lane lane)
    {
        lane.InsertsSinceGrowthCheck = 0;
        if (!WantsGrowth() || !_growth.TryEnter())
        {
            return;
        }

        try
        {
            Table table = Current; // the one that stays, under _growth
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
            _growth.Exit();
        }
    }

    // Without _growth only a hint: the table may be another one already.
    private bool WantsGrowth()
    {
        Table table = Current;
        ulong buckets = table.Buckets;
        return !BitOperations.IsPow2(buckets) || table.Sum(0) * 10 >= (long)buckets * FillTenths;
    }

    private bool TrySplit(Lane lane, Table table)
    {
        ulong added = table.Buckets;
        ulong half = 1UL << BitOperations.Log2(added);
        if (!TryHaveSegment(lane, table, added))
        {
            return false;
        }

        // The old and the new bucket share their lock.
        ulong old = added - half;
        Enter(old);
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
            Leave(old);
        }
    }

    private bool TrySplitLocked(Lane lane, Table table, ulong* bucket, ulong added, ulong half)
    {
        Span<ulong> entries = stackalloc ulong[MaximumEntries];
        if (!new Chain(this, bucket).TryCopyEntries(entries, out int count))
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
        Persist.Store(target + Slot.Version, FirstVersion);
        Intent intent = new() { Slot = OffsetOf(table.BucketsWord), Value = added + 1, MoreNew = blocks[..overflows],
            SecondSlot = OffsetOf(table.BucketsCopyWord), SecondValue = Table.BucketsCopy(added + 1) };
        lane.Begin(intent);
        foreach (long block in blocks[..overflows])
        {
            Persist.Publish((ulong*)(_base + block), BlockHeader.Sized(BlockHeader.TypeOverflow, Table.BucketLength));
        }

        Persist.Publish(table.BucketsWord, added + 1); // COMMIT POINT: split
        lane.Finish(intent);
        TakeOutMoved(lane, bucket, half);
        return true;
    }

    /// <summary>After an attach: the last split may not have been cleaned up.</summary>
    private void CleanLastSplit()
    {
        Table table = Current;
        ulong last = table.Buckets - 1;
        if (last >= Table.InitialBuckets)
        {
            ulong half = 1UL << BitOperations.Log2(last);
            Lane lane = _heap.TakeLane();
            TakeOutMoved(lane, table.Bucket(last - half), half);
            PersistentHeap.ReleaseLane(lane);
        }
    }

    private void TakeOutMoved(Lane lane, ulong* bucket, ulong half)
    {
        Bump(bucket);
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
            TakeOut(lane, bucket, slot, ref intent);
        }
    }

    /// <summary>A slot of the chain whose entry belongs to the other half, or null.</summary>
    private ulong* FindMoved(ulong* bucket, ulong half)
    {
        foreach (ulong* node in new Chain(this, bucket))
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
                Sse.Prefetch0(_base + Slot.Offset(entry));
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
        byte* record = RecordOf(entry, out ulong header);
        return Hash(RecordFormat.Key(record, header));
    }

    private void WriteChain(ulong* node, ReadOnlySpan<ulong> entries, ReadOnlySpan<long> blocks)
    {
        foreach (long block in blocks)
        {
            WriteNode(node, entries[..Slot.Last]);
            Persist.Store(node + Slot.Last, Slot.Link(block));
            entries = entries[Slot.Last..];
            node = (ulong*)(_base + block) + 1;
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
                blocks[taken] = _heap.Blocks.Take(lane, Table.BucketLength);
            }

            return true;
        }
        catch (ArenaOutOfSpaceException)
        {
            while (--taken >= 0)
            {
                _heap.Blocks.Give(lane, blocks[taken], Table.BucketLength);
            }

            return false;
        }
    }

    private bool TryHaveSegment(Lane lane, Table table, ulong index)
    {
        if (_noSegmentAt == index && Environment.TickCount64 - _noSegmentSince < RefusalMilliseconds)
        {
            return false;
        }

        int segment = Table.SegmentOf(index);
        ulong* word = table.Segment(segment);
        try
        {
            if (*word == 0)
            {
                AddSegment(lane, word, Table.SegmentBytes(segment));
            }

            // Memory is taken from the medium a piece at a time, ahead of the buckets: no pause grows with the table.
            long at = OffsetOf(table.Bucket(index));
            if (at > _segmentBackedUntil || at < _segmentBackedFrom)
            {
                long end = SealedOffset.Get(*word) + Table.SegmentBytes(segment);
                _heap.Space.EnsureBacked(at, Math.Min(BackingStep, end - at));
                _segmentBackedFrom = at;
                _segmentBackedUntil = at + Math.Min(BackingStep, end - at) - Table.BucketLength;
                _segmentsAhead.Request(at, Math.Min(BackingAheadLength, end - at));
            }

            return true;
        }
        catch (ArenaOutOfSpaceException)
        {
            (_noSegmentAt, _noSegmentSince) = (index, Environment.TickCount64);
            return false;
        }
    }

    // The bucket that growth last found no memory for, and when: every sixteenth insert would ask the medium again.
    private const long RefusalMilliseconds = 250;
    private ulong _noSegmentAt;
    private long _noSegmentSince;

    private readonly BackingAhead _segmentsAhead;
    private long _segmentBackedFrom;
    private long _segmentBackedUntil;

    private void AddSegment(Lane lane, ulong* word, long size)
    {
        long block = size <= SizeClasses.Largest ? _heap.TakeMakingRoom(lane, size) : TakeRun(lane, size);
        Intent intent = new() { Slot = OffsetOf(word), Value = SealedOffset.Seal(block, OffsetOf(word)), New = block };
        lane.Begin(intent);
        Persist.Publish((ulong*)(_base + block), BlockHeader.Sized(BlockHeader.TypeSegment, size));
        Persist.Publish(word, intent.Value); // COMMIT POINT: segment
        lane.Finish(intent);
    }

    /// <summary>A segment's run, whose memory is taken piece by piece. No bucket's lock is held.</summary>
    private long TakeRun(Lane lane, long size)
    {
        try
        {
            return _heap.Blocks.TakeUnbacked(lane, size);
        }
        catch (ArenaOutOfSpaceException)
        {
            if (!_heap.MakeRoom(lane, size))
            {
                throw;
            }

            return _heap.Blocks.TakeUnbacked(lane, size);
        }
    }
}
