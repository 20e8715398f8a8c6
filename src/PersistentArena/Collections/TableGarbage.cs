using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// A cleared table, taken apart piece by piece. It survives a crash as garbage; each piece is freed by an intent of its
/// own.
/// </summary>
internal sealed unsafe class TableGarbage(DictionaryState state)
{
    // The next bucket to be freed.
    private ulong _next;

    public bool IsThere => !state.IsEnded && Volatile.Read(ref *state.GarbageWord) != 0;

    /// <summary>Takes some of it apart; true where nothing is left.</summary>
    public bool Collect(Lane lane, long buckets)
    {
        if (!IsThere)
        {
            return true;
        }

        using (state.Garbage.EnterScope())
        {
            return CollectLocked(lane, buckets);
        }
    }

    /// <summary>
    /// Frees all of it, where nobody is at it. The caller may be in growth, which comes after this lock: it does not
    /// wait for it.
    /// </summary>
    public void TryCollectAll(Lane lane)
    {
        if (!state.Garbage.TryEnter())
        {
            return;
        }

        try
        {
            CollectLocked(lane, long.MaxValue);
        }
        finally
        {
            state.Garbage.Exit();
        }
    }

    /// <summary>Takes some of it apart, under the lock of garbage; true where nothing is left.</summary>
    public bool CollectLocked(Lane lane, long buckets)
    {
        long offset = state.IsEnded ? 0 : SealedOffset.Get(*state.GarbageWord);
        if (offset == 0)
        {
            return true;
        }

        Table table = new(state.At(0), offset);
        for (ulong count = table.Buckets; _next < count && buckets > 0; buckets--)
        {
            // A crash may have come between the segments: what was in those that are gone was freed before.
            if (*table.Segment(Table.SegmentOf(_next)) != 0)
            {
                FreeBucket(lane, table.Bucket(_next));
            }

            _next++;
        }

        if (_next < table.Buckets)
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

        FreeAt(lane, state.GarbageWord, offset, Table.Size);
        _next = 0;
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
            ulong* node = new Chain(state, bucket).LastNode(out ulong* link);
            ulong* slot = Chain.LastEntry(node);
            if (*slot == 0 && link == null)
            {
                return;
            }

            if (*slot == 0)
            {
                DictionaryState.Bump(bucket);
                FreeAt(lane, link, Slot.Offset(*link), Table.BucketLength);
            }
            else
            {
                state.RecordOf(*slot, out ulong header);
                DictionaryState.Bump(bucket);
                FreeAt(lane, slot, Slot.Offset(*slot), RecordFormat.Length(header));
            }
        }
    }

    /// <summary>Empties a word and frees the block it named.</summary>
    private void FreeAt(Lane lane, ulong* word, long block, long size)
    {
        Intent intent = new() { Slot = state.OffsetOf(word), Value = 0, Old = block };
        lane.Begin(intent);
        Persist.Publish(word, 0); // COMMIT POINT: cleared record
        lane.Finish(intent);
        state.Heap.Blocks.Give(lane, block, size);
    }
}
