using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Room for the next bucket of a table: the segment that it lies in, and memory from the medium behind it. Under the
/// dictionary's lock of growth.
/// </summary>
internal sealed unsafe class TableSegments(DictionaryState state)
{
    private const long BackingStep = 128 << 10;
    private const long BackingAheadLength = 8 << 20;

    // The bucket that growth last found no memory for, and when: every sixteenth insert would ask the medium again.
    private const long RefusalMilliseconds = 250;
    private ulong _refusedBucket;
    private long _refusedMilliseconds;

    private readonly BackingAhead _ahead = new(state.Heap.Space);
    private long _backedFrom;
    private long _backedUntil;

    /// <summary>Sees to it that a bucket has a place; false where there is no room, now or a moment ago.</summary>
    public bool TryMakeRoom(Lane lane, Table table, ulong bucket)
    {
        if (_refusedBucket == bucket && Environment.TickCount64 - _refusedMilliseconds < RefusalMilliseconds)
        {
            return false;
        }

        int segment = Table.SegmentOf(bucket);
        ulong* word = table.Segment(segment);
        try
        {
            if (*word == 0)
            {
                AddSegment(lane, word, Table.SegmentBytes(segment));
            }

            Back(state.OffsetOf(table.Bucket(bucket)), SealedOffset.Get(*word) + Table.SegmentBytes(segment));
            return true;
        }
        catch (ArenaOutOfSpaceException)
        {
            (_refusedBucket, _refusedMilliseconds) = (bucket, Environment.TickCount64);
            return false;
        }
    }

    /// <summary>Another table is in force: no memory behind its segments was asked for yet.</summary>
    public void Forget() => _backedFrom = _backedUntil = 0;

    // Memory is taken from the medium a piece at a time, ahead of the buckets: no pause grows with the table.
    private void Back(long at, long end)
    {
        if (at > _backedUntil || at < _backedFrom)
        {
            state.Heap.Space.EnsureBacked(at, Math.Min(BackingStep, end - at));
            _backedFrom = at;
            _backedUntil = at + Math.Min(BackingStep, end - at) - Table.BucketLength;
            _ahead.Request(at, Math.Min(BackingAheadLength, end - at));
        }
    }

    private void AddSegment(Lane lane, ulong* word, long size)
    {
        PersistentHeap heap = state.Heap;
        long block = size <= SizeClasses.Largest ? heap.TakeMakingRoom(lane, size) : TakeRun(lane, size);
        ulong value = SealedOffset.Seal(block, state.OffsetOf(word));
        Intent intent = new() { Slot = state.OffsetOf(word), Value = value, New = block };
        lane.Begin(intent);
        Persist.Publish((ulong*)state.At(block), BlockHeader.Sized(BlockHeader.TypeSegment, size));
        Persist.Publish(word, value); // COMMIT POINT: segment
        lane.Finish(intent);
    }

    /// <summary>A segment's run, whose memory is taken piece by piece. No bucket's lock is held.</summary>
    private long TakeRun(Lane lane, long size)
    {
        try
        {
            return state.Heap.Blocks.TakeUnbacked(lane, size);
        }
        catch (ArenaOutOfSpaceException)
        {
            if (!state.Heap.MakeRoom(lane, size))
            {
                throw;
            }

            return state.Heap.Blocks.TakeUnbacked(lane, size);
        }
    }
}
