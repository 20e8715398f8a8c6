using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Atomic groups: while one is open, replaced records stay where they are and are noted in the lane's log; the commit is one store, after which they are freed. Going back
/// walks the log from its end and puts each old record in the place of the new one.
/// </summary>
internal sealed unsafe partial class DictionaryCore
{
    public Lane BeginGroup(int changes)
    {
        Lane lane = _heap.BeginExclusive();
        try
        {
            if (!GroupLog.Exists(lane) || Log(lane).Capacity < changes)
            {
                NewLog(lane, Math.Max(changes, GroupLog.FirstCapacity));
            }

            Log(lane).WriteOwner(OffsetOf(_root));
            return lane;
        }
        catch (ArenaException)
        {
            _heap.EndExclusive(lane);
            throw;
        }
    }

    public void CommitGroup(Lane lane)
    {
        GroupLog log = Log(lane);
        if (log.Count > 0)
        {
            GroupLog.SetState(lane, GroupLog.Committed, log.Count); // all of the group is true, for good
            ulong reserved = BlockHeader.Reserved(_heap.Space.Epoch);
            for (int i = log.Count - 1; i >= 0; i--)
            {
                (long old, _) = log.Entry(i);
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
        bool done = false;
        try
        {
            RollBack(lane);
            done = true;
        }
        finally
        {
            _heap.EndExclusive(lane, parked: !done); // what could not be undone must not become part of a later group
        }
    }

    private GroupLog Log(Lane lane) => GroupLog.Open(_heap.Space, lane);

    private void AppendToGroup(Lane lane, long old, long added)
    {
        GroupLog log = Log(lane);
        if (log.Count == log.Capacity)
        {
            NewLog(lane, 2 * log.Capacity);
            log = Log(lane);
        }

        log.Write(log.Count, old, added);
        GroupLog.SetState(lane, GroupLog.Opened, log.Count + 1);
    }

    private void NewLog(Lane lane, int capacity)
    {
        long old = 0;
        long oldSize = 0;
        long size = GroupLog.BlockSize(capacity);
        long block = _heap.Blocks.Take(lane, size);
        if (GroupLog.Exists(lane))
        {
            GroupLog log = Log(lane);
            (old, oldSize) = (log.Offset, log.Size);
            Persist.Copy(_base + block + GroupLog.OwnerOffset, new ReadOnlySpan<byte>(_base + old + GroupLog.OwnerOffset, (int)GroupLog.BlockSize(log.Count) - GroupLog.OwnerOffset));
        }

        Intent intent = new() { Slot = OffsetOf(lane.Words + IntentWord.GroupLog), Value = GroupLog.Word(_heap.Space, lane, block), New = block, Old = old };
        lane.Begin(intent);
        Persist.Publish((ulong*)(_base + block), BlockHeader.Sized(BlockHeader.TypeGroupLog, size));
        Persist.Publish(lane.Words + IntentWord.GroupLog, intent.Value);
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
            if (lane.IsParked && Log(lane).Owner == OffsetOf(_root))
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
        GroupLog log = GroupLog.Exists(lane) ? Log(lane) : default;
        for (int i = log.Count - 1; i >= 0; i--)
        {
            (long old, long added) = log.Entry(i);
            Revert(lane, old, added);
            GroupLog.SetState(lane, i == 0 ? GroupLog.Idle : GroupLog.Opened, i);
        }
    }

    /// <summary>Undoes one change, if it happened and was not undone before.</summary>
    private void Revert(Lane lane, long old, long added)
    {
        byte* witness = _base + (added != 0 ? added : old);
        ulong header = *(ulong*)witness;
        if (!BlockHeader.IsAllocated(header))
        {
            return; // the change was never begun, or is undone
        }

        ulong hash = Hash(RecordFormat.Key(RecordOf((ulong)OffsetOf(witness), out _), header));
        Enter(hash);
        try
        {
            Table table = Current;
            ulong* bucket = table.Bucket(Table.IndexOf(hash, table.Buckets));
            ulong* slot = new Chain(this, bucket).Holder(OffsetOf(witness));
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
            RecordOf((ulong)old, out ulong oldHeader);
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
