using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>Removal: one store empties the slot, or puts the chain's last entry into it.</summary>
internal sealed unsafe partial class DictionaryCore
{
    private void Remove(Lane lane, Table table, ulong* bucket, ulong* slot, byte* record, ulong header)
    {
        int expiring = RecordFormat.ExpiresAt(record, header) != RecordView.NoExpiry ? -1 : 0;
        if (lane.InGroup)
        {
            AppendToGroup(lane, OffsetOf(record), 0);
        }

        Intent intent = new() { Old = lane.InGroup ? 0 : OffsetOf(record) };
        Tally(ref intent, table, lane, -1, -Taken(header), expiring);
        TakeOut(lane, bucket, slot, ref intent);
        if (intent.Old != 0)
        {
            _heap.Blocks.Give(lane, intent.Old, RecordFormat.Length(header));
        }
    }

    /// <summary>
    /// Takes an entry out of its chain, as the intent that the caller began to fill; the chain stays compact.
    /// </summary>
    private void TakeOut(Lane lane, ulong* bucket, ulong* slot, ref Intent intent)
    {
        ulong* node = new Chain(this, bucket).LastNode(out ulong* link);
        ulong* last = link == null ? slot : Chain.LastEntry(node);
        intent.Slot = OffsetOf(slot);
        intent.Value = last == slot ? 0 : *last;
        intent.SecondSlot = last == slot ? 0 : OffsetOf(last);
        lane.Begin(intent);
        Persist.Publish(slot, intent.Value); // COMMIT POINT: removal
        Bump(bucket);                        // known before the moved entry's old place is empty
        lane.Finish(intent);
        if (link != null && Chain.Entries(node) <= 1)
        {
            Collapse(lane, bucket, link, node);
        }
    }

    /// <summary>Puts an overflow block's only entry in place of the link to it.</summary>
    private void Collapse(Lane lane, ulong* bucket, ulong* link, ulong* node)
    {
        long block = OffsetOf(node - 1);
        Intent intent = new() { Slot = OffsetOf(link), Value = *Chain.LastEntry(node), Old = block };
        lane.Begin(intent);
        Persist.Publish(link, intent.Value); // COMMIT POINT: chain shortened
        Bump(bucket);
        lane.Finish(intent);
        _heap.Blocks.Give(lane, block, Table.BucketLength);
    }
}
