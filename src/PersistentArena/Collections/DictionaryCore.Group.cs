using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Atomic groups: while one is open, replaced records stay where they are and are noted in the lane's log; the commit is one store, after which they are freed. Going back
/// walks the log from its end and puts each old record in the place of the new one.
/// </summary>
internal sealed unsafe partial class DictionaryCore
{
    public Lane BeginGroup()
    {
        Lane lane = _heap.BeginExclusive();
        try
        {
            if (lane.Words[IntentWord.GroupLog] == 0)
            {
                NewLog(lane, GroupLog.FirstCapacity, 0);
            }

            Persist.Store((ulong*)(Log(lane) + GroupLog.OwnerOffset), (ulong)OffsetOf(_root));
            return lane;
        }
        catch (ArenaOutOfSpaceException)
        {
            _heap.EndExclusive(lane);
            throw;
        }
    }

    public void CommitGroup(Lane lane)
    {
        int count = GroupLog.CountOf(lane);
        if (count > 0)
        {
            GroupLog.SetState(lane, GroupLog.Committed, count); // all of the group is true, for good
            ulong reserved = BlockHeader.Reserved(_heap.Space.Epoch);
            for (int i = count - 1; i >= 0; i--)
            {
                (long old, _) = GroupLog.Entry(Log(lane), i);
                if (old != 0)
                {
                    long length = RecordFormat.Length(*(ulong*)(_base + old));
                    Persist.Publish((ulong*)(_base + old), reserved);
                    _heap.Blocks.Give(lane, old, length);
                }
            }

            GroupLog.SetState(lane, GroupLog.Idle, 0);
        }

        _heap.EndExclusive(lane);
    }

    public void RollBackGroup(Lane lane)
    {
        try
        {
            RollBack(lane);
        }
        finally
        {
            _heap.EndExclusive(lane);
        }
    }

    private byte* Log(Lane lane) => _base + lane.Words[IntentWord.GroupLog];

    private void AppendToGroup(Lane lane, long old, long added)
    {
        int count = GroupLog.CountOf(lane);
        long capacity = (BlockHeader.SizeOf(*(ulong*)Log(lane)) - GroupLog.EntriesOffset) / GroupLog.EntryLength;
        if (count == capacity)
        {
            NewLog(lane, 2 * (int)capacity, count);
        }

        ulong* entry = (ulong*)(Log(lane) + GroupLog.EntriesOffset + ((long)count * GroupLog.EntryLength));
        Persist.Store(entry, (ulong)old);
        Persist.Store(entry + 1, (ulong)added);
        GroupLog.SetState(lane, GroupLog.Open, count + 1);
    }

    private void NewLog(Lane lane, int capacity, int used)
    {
        long size = GroupLog.BlockSize(capacity);
        long block = _heap.Blocks.Take(lane, size);
        long old = (long)lane.Words[IntentWord.GroupLog];
        long oldSize = old == 0 ? 0 : BlockHeader.SizeOf(*(ulong*)(_base + old));
        if (used > 0)
        {
            int length = (int)GroupLog.BlockSize(used) - GroupLog.OwnerOffset;
            Persist.Copy(_base + block + GroupLog.OwnerOffset, new ReadOnlySpan<byte>(_base + old + GroupLog.OwnerOffset, length));
        }

        Intent intent = new() { Slot = OffsetOf(lane.Words + IntentWord.GroupLog), Value = (ulong)block, New = block, Old = old };
        lane.Begin(intent);
        Persist.Publish((ulong*)(_base + block), BlockHeader.Sized(BlockHeader.TypeGroupLog, size));
        Persist.Publish(lane.Words + IntentWord.GroupLog, (ulong)block);
        lane.Finish(intent);
        if (old != 0)
        {
            _heap.Blocks.Give(lane, old, oldSize);
        }
    }

    /// <summary>Groups of an earlier attach that were not committed.</summary>
    private void RollBackParked()
    {
        foreach (Lane lane in _heap.Lanes)
        {
            if (lane.IsParked && *(long*)(Log(lane) + GroupLog.OwnerOffset) == OffsetOf(_root))
            {
                lane.InGroup = true; // the blocks kept back for emergencies are for this
                RollBack(lane);
                lane.InGroup = false;
                _heap.Unpark(lane);
            }
        }
    }

    private void RollBack(Lane lane)
    {
        for (int i = GroupLog.CountOf(lane) - 1; i >= 0; i--)
        {
            (long old, long added) = GroupLog.Entry(Log(lane), i);
            Revert(lane, old, added);
            GroupLog.SetState(lane, i == 0 ? GroupLog.Idle : GroupLog.Open, i);
        }
    }

    /// <summary>Undoes one change, if it happened and was not undone before.</summary>
    private void Revert(Lane lane, long old, long added)
    {
        byte* witness = _base + (added != 0 ? added : old);
        ulong header = *(ulong*)witness;
        if (!RecordFormat.IsRecord(header))
        {
            return; // the change was never begun, or is undone
        }

        ulong hash = Hash(RecordFormat.Key(witness, header));
        Enter(hash);
        try
        {
            Table table = Current;
            ulong* bucket = table.Bucket(Table.IndexOf(hash, table.Buckets));
            ulong* slot = new Chain(_base, bucket).Holder(OffsetOf(witness));
            if (added == 0)
            {
                if (slot == null)
                {
                    Insert(lane, table, bucket, Slot.Entry(Slot.Tag(hash), old), header: 0, IsExpiring(witness, header));
                }
            }
            else if (slot != null)
            {
                RevertPut(lane, table, bucket, slot, hash, old, added, header);
            }
        }
        finally
        {
            Leave(hash);
        }
    }

    private void RevertPut(Lane lane, Table table, ulong* bucket, ulong* slot, ulong hash, long old, long added, ulong header)
    {
        Intent intent = new() { Old = added };
        int expiring = -IsExpiring(_base + added, header);
        if (old == 0)
        {
            Tally(ref intent, table, lane, -1, -Taken(header), expiring);
            TakeOut(lane, bucket, slot, ref intent);
        }
        else
        {
            ulong oldHeader = *(ulong*)(_base + old);
            intent.Slot = OffsetOf(slot);
            intent.Value = Slot.Entry(Slot.Tag(hash), old);
            Tally(ref intent, table, lane, 0, Taken(oldHeader) - Taken(header), expiring + IsExpiring(_base + old, oldHeader));
            lane.Begin(intent);
            Persist.Publish(slot, intent.Value);
            Bump(bucket);
            lane.Finish(intent);
        }

        _heap.Blocks.Give(lane, added, RecordFormat.Length(header));
    }

    private static int IsExpiring(byte* record, ulong header) => RecordFormat.ExpiresAt(record, header) != RecordView.NoExpiry ? 1 : 0;
}
