using System.Runtime.InteropServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Clearing: a new table takes the old one's place with one store, and the old one becomes garbage. In an atomic group,
/// or where there is no room for a table, records are removed key by key.
/// </summary>
internal sealed unsafe class TableClearing(DictionaryState state, TableSegments segments, TableGarbage garbage)
{
    public void Clear()
    {
        PersistentHeap heap = state.Heap;
        Lane lane = heap.TakeLane();
        try
        {
            using (state.Garbage.EnterScope())
            {
                garbage.CollectLocked(lane, long.MaxValue);
                using (state.Growth.EnterScope())
                {
                    ClearLocked(lane);
                }

                if (heap.Erases)
                {
                    garbage.CollectLocked(lane, long.MaxValue); // what was cleared is zeroed before this returns
                }
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    /// <summary>Puts an empty table in the place of the present one, if any, which becomes the garbage.</summary>
    public void InstallTable(Lane lane)
    {
        ulong present = *state.CurrentWord;
        if (present != 0)
        {
            TableCheck.Segments(state.Heap.Space, state.Current); // garbage is freed: it must be what it should be
        }

        BlockAllocator blocks = state.Heap.Blocks;
        long segmentBytes = Table.SegmentBytes(0);
        long block = blocks.Take(lane, Table.Size);
        long segment;
        try
        {
            segment = blocks.Take(lane, segmentBytes);
        }
        catch (ArenaOutOfSpaceException)
        {
            blocks.Give(lane, block, Table.Size);
            throw;
        }

        Fill(block, segment);
        Intent intent = new()
        {
            Slot = state.OffsetOf(state.CurrentWord),
            Value = SealedOffset.Seal(block, state.OffsetOf(state.CurrentWord)),
            New = block,
            MoreNew = new ReadOnlySpan<long>(ref segment),
            SecondSlot = present == 0 ? 0 : state.OffsetOf(state.GarbageWord),
            SecondValue = SealedOffset.Seal(SealedOffset.Get(present), state.OffsetOf(state.GarbageWord)),
        };
        lane.Begin(intent);
        Persist.Publish((ulong*)state.At(block), BlockHeader.Sized(BlockHeader.TypeTable, Table.Size));
        Persist.Publish((ulong*)state.At(segment), BlockHeader.Sized(BlockHeader.TypeSegment, segmentBytes));
        Persist.Publish(state.CurrentWord, intent.Value); // COMMIT POINT: clear
        lane.Finish(intent);
        segments.Forget();
    }

    private void ClearLocked(Lane lane)
    {
        state.Locks.EnterAll();
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
            state.Locks.LeaveAll();
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

    private void Fill(long block, long segment)
    {
        Table table = new(state.At(0), block);
        Persist.Fill(state.At(block) + sizeof(ulong), Table.Size - sizeof(ulong), 0);
        FillFirstSegment(segment);
        Persist.Store(table.BucketsWord, Table.InitialBuckets);
        Persist.Store(table.BucketsCopyWord, Table.BucketsCopy(Table.InitialBuckets));
        Persist.Store(table.Segment(0), SealedOffset.Seal(segment, state.OffsetOf(table.Segment(0))));
    }

    private void FillFirstSegment(long segment)
    {
        state.CountTable();
        ulong[] words = new ulong[(Table.SegmentBytes(0) / sizeof(ulong)) - 1];
        for (int i = (Table.SegmentHeader / sizeof(ulong)) - 1
            + Slot.Version; i < words.Length; i += Table.BucketLength / sizeof(ulong))
        {
            words[i] = state.FirstVersion;
        }

        Persist.Copy(state.At(segment) + sizeof(ulong), MemoryMarshal.AsBytes<ulong>(words));
    }

    private void RemoveAll(Lane lane)
    {
        Table table = state.Current;
        for (ulong index = 0; index < table.Buckets; index++)
        {
            ulong* bucket = table.Bucket(index);
            while (Chain.LastEntry(new Chain(state, bucket).LastNode(out _)) is var slot && *slot != 0)
            {
                byte* record = state.RecordOf(*slot, out ulong header);
                DictionaryRecords.Remove(state, new() { Lane = lane, Table = table, Bucket = bucket, Slot = slot,
                    Record = record, Header = header });
            }
        }
    }
}
