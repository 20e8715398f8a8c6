using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What an atomic group asks of a dictionary: the way back of one change. It puts the old record in the place of the
/// new one.
/// </summary>
internal sealed unsafe partial class DictionaryCore
{
    public long LengthOf(long block)
    {
        RecordOf((ulong)block, out ulong header);
        return RecordFormat.Length(header);
    }

    /// <summary>Undoes one change, if it happened and was not undone before.</summary>
    public void Revert(Lane lane, long old, long added)
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
                    Insert(lane, table, bucket, Slot.Entry(Slot.Tag(hash), old), header: 0,
                        IsExpiring(witness, header));
                }
            }
            else if (slot != null)
            {
                RevertPut(
                    new() { Lane = lane, Table = table, Key = default, Hash = hash, Bucket = bucket, Slot = slot },
                    old, added, header);
            }
        }
        finally
        {
            Leave(hash);
        }
    }

    private void AppendToGroup(Lane lane, long old, long added) =>
        _heap.Groups.Append(lane, new GroupEntry(old, added, OffsetOf(_root)));

    private void RevertPut(in KeyPlace place, long old, long added, ulong header)
    {
        Lane lane = place.Lane;
        ulong* bucket = place.Bucket;
        ulong* slot = place.Slot;
        Intent intent = new() { Old = added };
        int expiring = -IsExpiring(_base + added, header);
        if (old == 0)
        {
            Tally(ref intent, place.Table, lane, -1, -Taken(header), expiring);
            TakeOut(lane, bucket, slot, ref intent);
        }
        else
        {
            RecordOf((ulong)old, out ulong oldHeader);
            intent.Slot = OffsetOf(slot);
            intent.Value = Slot.Entry(Slot.Tag(place.Hash), old);
            expiring += IsExpiring(_base + old, oldHeader);
            Tally(ref intent, place.Table, lane, 0, Taken(oldHeader) - Taken(header), expiring);
            lane.Begin(intent);
            Persist.Publish(slot, intent.Value); // COMMIT POINT: update back
            Bump(bucket);
            lane.Finish(intent);
        }

        _heap.Blocks.Give(lane, added, RecordFormat.Length(header));
    }

    private static int IsExpiring(byte* record, ulong header) =>
        RecordFormat.ExpiresAt(record, header) != RecordView.NoExpiry ? 1 : 0;
}
