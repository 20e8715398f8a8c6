using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Moving a block for the heap's compaction: an update that changes nothing but the place. Under the bucket's lock;
/// readers see the version change before the old place can be used again.
/// </summary>
internal static unsafe class RecordMover
{
    public static MoveOutcome TryMove(DictionaryState state, Lane lane, long block, long room)
    {
        // Read without a lock, so this may be anything: the hash is only a guess at the bucket, in which a slot then
        // has to name just this block.
        ulong* words = (ulong*)state.At(block);
        bool isNode = BlockHeader.TypeOf(Volatile.Read(ref words[0])) == BlockHeader.TypeOverflow;
        ulong first = isNode ? Volatile.Read(ref words[1]) : 0;
        if ((isNode && !Slot.IsEntry(first)) || !TryHash(state, isNode ? Slot.Offset(first) : block,
            isNode ? long.MaxValue : room, out ulong hash))
        {
            return MoveOutcome.NotMine;
        }

        state.Locks.Enter(hash);
        try
        {
            Table table = state.Current;
            Chain chain = new(state, table.Bucket(Table.IndexOf(hash, table.Buckets)));
            return isNode ? MoveNode(state, lane, chain, block) : MoveRecord(state, lane, chain, block);
        }
        finally
        {
            state.Locks.Leave(hash);
        }
    }

    private static bool TryHash(DictionaryState state, long offset, long room, out ulong hash)
    {
        hash = 0;
        if (offset <= 0 || offset > state.Length - sizeof(ulong))
        {
            return false;
        }

        byte* record = state.At(offset);
        ulong header = Volatile.Read(ref *(ulong*)record);
        if (!RecordFormat.IsIntact(header) || !RecordFormat.IsRecord(header)
            || RecordFormat.Length(header) > Math.Min(room, state.Length - offset))
        {
            return false;
        }

        hash = state.Hash(RecordFormat.Key(record, header));
        return true;
    }

    private static MoveOutcome MoveRecord(DictionaryState state, Lane lane, Chain chain, long block)
    {
        ulong* slot = chain.Holder(block);
        if (slot == null)
        {
            return MoveOutcome.NotMine;
        }

        state.RecordOf(*slot, out ulong header);
        return Move(state, lane, chain, slot, RecordFormat.Length(header));
    }

    private static MoveOutcome MoveNode(DictionaryState state, Lane lane, Chain chain, long block)
    {
        foreach (ulong* node in chain)
        {
            if (node[Slot.Last] == Slot.Link(block))
            {
                return Move(state, lane, chain, node + Slot.Last, Table.BucketLength);
            }
        }

        return MoveOutcome.NotMine;
    }

    /// <summary>Moves the block of that length, header included, to which a slot of the chain leads.</summary>
    private static MoveOutcome Move(DictionaryState state, Lane lane, Chain chain, ulong* slot, long length)
    {
        long copy = state.Heap.Blocks.TakeForMove(lane, length);
        if (copy == 0)
        {
            return MoveOutcome.NoRoom;
        }

        long block = Slot.Offset(*slot);
        RecordFiller.FillCopy(lane, state.At(0), copy, block, length);
        Intent intent = new() { Slot = state.OffsetOf(slot), Value = *slot - (ulong)block + (ulong)copy, New = copy,
            Old = block };
        lane.Begin(intent);
        Persist.Publish((ulong*)state.At(copy), *(ulong*)state.At(block));
        Persist.Publish(slot, intent.Value); // COMMIT POINT: move
        DictionaryState.Bump(chain.Bucket);
        lane.Finish(intent);
        // in nobody's cache: the compactor waits for the whole slab
        Persist.Store((ulong*)state.At(block), BlockHeader.Free);
        return MoveOutcome.Moved;
    }
}
