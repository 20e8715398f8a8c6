using System.Runtime.InteropServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Clearing: a new table takes the old one's place with one store, and the old one becomes garbage that is taken apart
/// piece by piece. The garbage survives a crash as such; each piece is freed by an intent of its own.
/// </summary>
internal sealed unsafe partial class DictionaryCore
{
    private readonly Lock _garbage = new();
    private ulong _garbageBucket;

    // The thread that waits for one bucket's lock while it holds others.
    private volatile int _clearing;

    public void Clear()
    {
        Lane lane = _heap.TakeLane();
        try
        {
            lock (_garbage)
            {
                CollectGarbageLocked(lane, long.MaxValue);
                lock (_growth)
                {
                    ClearLocked(lane);
                }

                if (_heap.Erases)
                {
                    CollectGarbageLocked(lane, long.MaxValue); // what was cleared is zeroed before this returns
                }
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    private void ClearLocked(Lane lane)
    {
        EnterAll();
        try
        {
            if (lane.InGroup)
            {
                RemoveAll(lane); // a group may have to go back, key by key
            }
            else
            {
                InstallTableOrRemoveAll(lane);
            }
        }
        finally
        {
            LeaveAll();
        }
    }

    /// <summary>
    /// Takes apart some of a cleared table; true where nothing is left. For a timer; room that is needed at once is
    /// made at once.
    /// </summary>
    public bool CollectGarbage(long buckets)
    {
        _heap.ThrowIfClosed();
        if (!HasGarbage)
        {
            return true;
        }

        Lane lane = _heap.TakeLane();
        try
        {
            return CollectGarbage(lane, buckets);
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    // What makes room must work where there is none left, not even for an empty table.
    private void InstallTableOrRemoveAll(Lane lane)
    {
        try
        {
            InstallTable(lane);
        }
        catch (ArenaOutOfSpaceException)
        {
            RemoveAll(lane);
        }
    }

    /// <summary>Puts an empty table in the place of the present one, if any, which becomes the garbage.</summary>
    private void InstallTable(Lane lane)
    {
        ulong present = *CurrentWord;
        if (present != 0)
        {
            TableCheck.Segments(_heap.Space, Current); // garbage is freed: it must be what it should be
        }

        long segmentBytes = Table.SegmentBytes(0);
        long block = _heap.Blocks.Take(lane, Table.Size);
        long segment;
        try
        {
            segment = _heap.Blocks.Take(lane, segmentBytes);
        }
        catch (ArenaOutOfSpaceException)
        {
            _heap.Blocks.Give(lane, block, Table.Size);
            throw;
        }

        Table table = new(_base, block);
        Persist.Fill(_base + block + sizeof(ulong), Table.Size - sizeof(ulong), 0);
        FillFirstSegment(segment);
        Persist.Store(table.BucketsWord, Table.InitialBuckets);
        Persist.Store(table.BucketsCopyWord, Table.BucketsCopy(Table.InitialBuckets));
        Persist.Store(table.Segment(0), SealedOffset.Seal(segment, OffsetOf(table.Segment(0))));

        Intent intent = new()
        {
            Slot = OffsetOf(CurrentWord),
            Value = SealedOffset.Seal(block, OffsetOf(CurrentWord)),
            New = block,
            MoreNew = new ReadOnlySpan<long>(ref segment),
            SecondSlot = present == 0 ? 0 : OffsetOf(GarbageWord),
            SecondValue = SealedOffset.Seal(SealedOffset.Get(present), OffsetOf(GarbageWord)),
        };
        lane.Begin(intent);
        Persist.Publish((ulong*)(_base + block), BlockHeader.Sized(BlockHeader.TypeTable, Table.Size));
        Persist.Publish((ulong*)(_base + segment), BlockHeader.Sized(BlockHeader.TypeSegment, segmentBytes));
        Persist.Publish(CurrentWord, intent.Value); // COMMIT POINT: clear
        lane.Finish(intent);
        _segmentBackedFrom = _segmentBackedUntil = 0;
    }

    private void FillFirstSegment(long segment)
    {
        _tables++;
        ulong[] words = new ulong[(Table.SegmentBytes(0) / sizeof(ulong)) - 1];
        for (int i = (Table.SegmentHeader / sizeof(ulong)) - 1
            + Slot.Version; i < words.Length; i += Table.BucketLength / sizeof(ulong))
        {
            words[i] = FirstVersion;
        }

        Persist.Copy(_base + segment + sizeof(ulong), MemoryMarshal.AsBytes<ulong>(words));
    }

    /// <summary>
    /// Where the versions of new buckets begin: no earlier writer, and no earlier table of this one, has come so far
    /// (invariant 5).
    /// </summary>
    private ulong FirstVersion => (_heap.Space.Epoch << 40) + (_tables << 20);

    private ulong _tables;

    private void RemoveAll(Lane lane)
    {
        Table table = Current;
        for (ulong index = 0; index < table.Buckets; index++)
        {
            ulong* bucket = table.Bucket(index);
            while (Chain.LastEntry(new Chain(this, bucket).LastNode(out _)) is var slot && *slot != 0)
            {
                byte* record = RecordOf(*slot, out ulong header);
                Remove(lane, table, bucket, slot, record, header);
            }
        }
    }

    private bool HasGarbage => Volatile.Read(ref *GarbageWord) != 0;

    private bool CollectGarbage(Lane lane, long buckets)
    {
        if (!HasGarbage)
        {
            return true;
        }

        lock (_garbage)
        {
            return CollectGarbageLocked(lane, buckets);
        }
    }

    private bool CollectGarbageLocked(Lane lane, long buckets)
    {
        long offset = SealedOffset.Get(*GarbageWord);
        if (offset == 0)
        {
            return true;
        }

        Table table = new(_base, offset);
        for (ulong count = table.Buckets; _garbageBucket < count && buckets > 0; buckets--)
        {
            // A crash may have come between the segments: what was in those that are gone was freed before.
            if (*table.Segment(Table.SegmentOf(_garbageBucket)) != 0)
            {
                FreeBucket(lane, table.Bucket(_garbageBucket));
            }

            _garbageBucket++;
        }

        if (_garbageBucket < table.Buckets)
        {
            return false;
        }

        for (int i = 0; i < Table.SegmentCount; i++)
        {
            if (*table.Segment(i) != 0)
            {
                FreeAt(lane, table.Segment(i), table.SegmentAt(i), Table.SegmentBytes(i));
            }
        }

        FreeAt(lane, GarbageWord, offset, Table.Size);
        _garbageBucket = 0;
        return true;
    }

    /// <summary>
    /// Frees a garbage bucket's records, the last first, so that the chain stays one. Readers of the old table see the
    /// version change.
    /// </summary>
    private void FreeBucket(Lane lane, ulong* bucket)
    {
        while (true)
        {
            ulong* node = new Chain(this, bucket).LastNode(out ulong* link);
            ulong* slot = Chain.LastEntry(node);
            if (*slot == 0 && link == null)
            {
                return;
            }

            if (*slot == 0)
            {
                Bump(bucket);
                FreeAt(lane, link, Slot.Offset(*link), Table.BucketLength);
            }
            else
            {
                RecordOf(*slot, out ulong header);
                Bump(bucket);
                FreeAt(lane, slot, Slot.Offset(*slot), RecordFormat.Length(header));
            }
        }
    }

    /// <summary>Empties a word and frees the block it named.</summary>
    private void FreeAt(Lane lane, ulong* word, long block, long size)
    {
        Intent intent = new() { Slot = OffsetOf(word), Value = 0, Old = block };
        lane.Begin(intent);
        Persist.Publish(word, 0); // COMMIT POINT: cleared record
        lane.Finish(intent);
        _heap.Blocks.Give(lane, block, size);
    }

    private void EnterAll()
    {
        _clearing = Environment.CurrentManagedThreadId;
        ulong entered = 0;
        try
        {
            for (; entered < Table.InitialBuckets; entered++)
            {
                Enter(entered);
            }
        }
        catch
        {
            while (entered > 0)
            {
                Leave(--entered);
            }

            throw;
        }
        finally
        {
            _clearing = 0;
        }
    }

    private void LeaveAll()
    {
        for (ulong i = 0; i < Table.InitialBuckets; i++)
        {
            Leave(i);
        }
    }
}
