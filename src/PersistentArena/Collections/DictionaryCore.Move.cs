using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Moving a block for the heap's compaction: an update that changes nothing but the place. Under the bucket's lock;
/// readers see the version change before the old place can be used again.
/// </summary>
internal sealed unsafe partial class DictionaryCore : IBlockOwner
{
    public long LiveBytes => RecordBytes;

    // The caller may be in growth, which comes after this lock: it does not wait for it. Whoever has it is at the
    // garbage.
    public void GiveUpGarbage(Lane lane)
    {
        if (!_garbage.TryEnter())
        {
            return;
        }

        try
        {
            CollectGarbageLocked(lane, long.MaxValue);
        }
        finally
        {
            _garbage.Exit();
        }
    }

    public MoveOutcome TryMove(Lane lane, long block, long room)
    {
        // Read without a lock, so this may be anything: the hash is only a guess at the bucket, in which a slot then
        // has to name just this block.
        bool isNode = BlockHeader.TypeOf(Volatile.Read(ref *(ulong*)(_base + block))) == BlockHeader.TypeOverflow;
        ulong first = isNode ? Volatile.Read(ref ((ulong*)(_base + block))[1]) : 0;
        if ((isNode && !Slot.IsEntry(first))
            || !TryHash(isNode ? Slot.Offset(first) : block, isNode ? long.MaxValue : room, out ulong hash))
        {
            return MoveOutcome.NotMine;
        }

        Enter(hash);
        try
        {
            Table table = Current;
            Chain chain = new(this, table.Bucket(Table.IndexOf(hash, table.Buckets)));
            return isNode ? MoveNode(lane, chain, block) : MoveRecord(lane, chain, block);
        }
        finally
        {
            Leave(hash);
        }
    }

    private bool TryHash(long offset, long room, out ulong hash)
    {
        hash = 0;
        if (offset <= 0 || offset > _length - sizeof(ulong))
        {
            return false;
        }

        byte* record = _base + offset;
        ulong header = Volatile.Read(ref *(ulong*)record);
        if (!RecordFormat.IsIntact(header) || !RecordFormat.IsRecord(header)
            || RecordFormat.Length(header) > Math.Min(room, _length - offset))
        {
            return false;
        }

        hash = Hash(RecordFormat.Key(record, header));
        return true;
    }

    private MoveOutcome MoveRecord(Lane lane, Chain chain, long block)
    {
        ulong* slot = chain.Holder(block);
        if (slot == null)
        {
            return MoveOutcome.NotMine;
        }

        RecordOf(*slot, out ulong header);
        return Move(lane, chain, slot, block, RecordFormat.Length(header));
    }

    private MoveOutcome MoveNode(Lane lane, Chain chain, long block)
    {
        foreach (ulong* node in chain)
        {
            if (node[Slot.Last] == Slot.Link(block))
            {
                return Move(lane, chain, node + Slot.Last, block, Table.BucketLength);
            }
        }

        return MoveOutcome.NotMine;
    }

    /// <summary>Moves a block of that length, header included, to which a slot of the chain leads.</summary>
    private MoveOutcome Move(Lane lane, Chain chain, ulong* slot, long block, long length)
    {
        long copy = _heap.Blocks.TakeForMove(lane, length);
        if (copy == 0)
        {
            return MoveOutcome.NoRoom;
        }

        RecordFiller.FillCopy(lane, _base, copy, block, length);
        Intent intent = new() { Slot = OffsetOf(slot), Value = *slot - (ulong)block + (ulong)copy, New = copy,
            Old = block };
        lane.Begin(intent);
        Persist.Publish((ulong*)(_base + copy), *(ulong*)(_base + block));
        Persist.Publish(slot, intent.Value); // COMMIT POINT: move
        Bump(chain.Bucket);
        lane.Finish(intent);
        // in nobody's cache: the compactor waits for the whole slab
        Persist.Store((ulong*)(_base + block), BlockHeader.Free);
        return MoveOutcome.Moved;
    }
}
