using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// The stores that make a change of a record true, under its bucket's lock: a slot that was empty leads to the record,
/// or to the new one in place of the old, or to none. For all that changes records.
/// </summary>
/// <remarks>
/// <para>Invariants:</para>
/// <list type="number">
/// <item>A slot that is replaced or emptied leads to the record that was found under the bucket's lock, and that one is
/// allocated. So what is freed is what the slot led to.</item>
/// </list>
/// </remarks>
internal static unsafe class DictionaryRecords
{
    /// <summary>
    /// Makes a filled record true: in place of the old one, or in an empty slot, or with a new overflow block.
    /// </summary>
    public static void Place(DictionaryState state, in DictionaryTarget target, long block, ulong header)
    {
        ulong entry = Slot.Entry(Slot.Tag(target.Hash), block);
        int expiring = (RecordFormat.Flags(header) & RecordFormat.HasExpiry) != 0 ? 1 : 0;
        if (target.Record == null)
        {
            Insert(state, target, entry, header, expiring);
        }
        else
        {
            Replace(state, target, entry, header, expiring);
        }
    }

    /// <summary>
    /// Adds an entry; <paramref name="header"/> is stored into its block first, or 0 where the block is allocated
    /// already.
    /// </summary>
    public static void Insert(
        DictionaryState state, in DictionaryTarget target, ulong entry, ulong header, int expiring)
    {
        Lane lane = target.Lane;
        long block = Slot.Offset(entry);
        Chain chain = new(state, target.Bucket);
        ulong* slot = chain.Empty();
        ulong value = entry;
        long overflow = 0;
        if (slot == null)
        {
            // The last entry moves into the new block beside the new one, and its slot becomes the link: both are there
            // with that one store.
            slot = chain.LastNode(out _) + Slot.Last;
            overflow = FillOverflow(state, lane, *slot, entry);
            value = Slot.Link(overflow);
        }

        if (lane.InGroup && header != 0)
        {
            AppendToGroup(state, lane, 0, block);
        }

        ulong recordHeader = header != 0 ? header : *(ulong*)state.At(block);
        Intent intent = new()
        {
            Slot = state.OffsetOf(slot),
            Value = value,
            New = header != 0 ? block : 0,
            MoreNew = overflow == 0 ? default : new ReadOnlySpan<long>(&overflow, 1),
        };
        target.Table.Tally(ref intent, lane, 1, Taken(recordHeader), expiring);
        lane.Begin(intent);
        if (header != 0)
        {
            Persist.Publish((ulong*)state.At(block), header);
        }

        if (overflow != 0)
        {
            ulong overflowHeader = BlockHeader.Sized(BlockHeader.TypeOverflow, Table.BucketLength);
            Persist.Publish((ulong*)state.At(overflow), overflowHeader);
        }

        Persist.Publish(slot, value); // COMMIT POINT: insert
        lane.Finish(intent);
        lane.InsertsSinceGrowthCheck++;
    }

    /// <summary>Removes a record: one store empties its slot, or puts the chain's last entry into it.</summary>
    public static void Remove(DictionaryState state, in DictionaryTarget target)
    {
        Lane lane = target.Lane;
        byte* record = target.Record;
        ulong header = target.Header;
        if (lane.InGroup)
        {
            AppendToGroup(state, lane, state.OffsetOf(record), 0);
        }

        Intent intent = new() { Old = lane.InGroup ? 0 : state.OffsetOf(record) };
        target.Table.Tally(ref intent, lane, -1, -Taken(header), -Expiring(record, header));
        TakeOut(state, lane, target.Bucket, target.Slot, ref intent);
        if (intent.Old != 0)
        {
            state.Heap.Blocks.Give(lane, intent.Old, RecordFormat.Length(header));
        }
    }

    /// <summary>
    /// Takes an entry out of its chain, as the intent that the caller began to fill; the chain stays compact.
    /// </summary>
    public static void TakeOut(DictionaryState state, Lane lane, ulong* bucket, ulong* slot, ref Intent intent)
    {
        ulong* node = new Chain(state, bucket).LastNode(out ulong* link);
        ulong* last = link == null ? slot : Chain.LastEntry(node);
        intent.Slot = state.OffsetOf(slot);
        intent.Value = last == slot ? 0 : *last;
        intent.SecondSlot = last == slot ? 0 : state.OffsetOf(last);
        lane.Begin(intent);
        Persist.Publish(slot, intent.Value); // COMMIT POINT: removal
        DictionaryState.Bump(bucket);        // known before the moved entry's old place is empty
        lane.Finish(intent);
        if (link != null && Chain.Entries(node) <= 1)
        {
            Collapse(state, lane, bucket, link, node);
        }
    }

    /// <summary>1 for a record that expires, 0 for another: what it counts for.</summary>
    public static int Expiring(byte* record, ulong header) =>
        RecordFormat.ExpiresAt(record, header) != RecordView.NoExpiry ? 1 : 0;

    /// <summary>Bytes that a record's block takes.</summary>
    public static long Taken(ulong header) => SizeClasses.Taken(RecordFormat.Length(header));

    private static void Replace(
        DictionaryState state, in DictionaryTarget target, ulong entry, ulong header, int expiring)
    {
        Lane lane = target.Lane;
        ulong* slot = target.Slot;
        byte* old = target.Record;
        ulong oldHeader = target.Header;
        long block = Slot.Offset(entry);
        Invariant.Holds(Leads(state, slot, old), 1);
        int wasExpiring = Expiring(old, oldHeader);
        if (lane.InGroup)
        {
            AppendToGroup(state, lane, state.OffsetOf(old), block);
        }

        long freed = lane.InGroup ? 0 : state.OffsetOf(old);
        Intent intent = new() { Slot = state.OffsetOf(slot), Value = entry, New = block, Old = freed };
        target.Table.Tally(ref intent, lane, 0, Taken(header) - Taken(oldHeader), expiring - wasExpiring);
        lane.Begin(intent);
        Persist.Publish((ulong*)state.At(block), header);
        Persist.Publish(slot, entry); // COMMIT POINT: update
        DictionaryState.Bump(target.Bucket);
        lane.Finish(intent);
        if (intent.Old != 0)
        {
            state.Heap.Blocks.Give(lane, intent.Old, RecordFormat.Length(oldHeader));
        }
    }

    /// <summary>Puts an overflow block's only entry in place of the link to it.</summary>
    private static void Collapse(DictionaryState state, Lane lane, ulong* bucket, ulong* link, ulong* node)
    {
        long block = state.OffsetOf(node - 1);
        Intent intent = new() { Slot = state.OffsetOf(link), Value = *Chain.LastEntry(node), Old = block };
        lane.Begin(intent);
        Persist.Publish(link, intent.Value); // COMMIT POINT: chain shortened
        DictionaryState.Bump(bucket);
        lane.Finish(intent);
        state.Heap.Blocks.Give(lane, block, Table.BucketLength);
    }

    private static long FillOverflow(DictionaryState state, Lane lane, ulong moved, ulong entry)
    {
        long block = state.Heap.Blocks.Take(lane, Table.BucketLength);
        ulong* node = (ulong*)state.At(block);
        Persist.Store(node + 1, moved);
        Persist.Store(node + 2, entry);
        for (int i = 3; i <= Slot.PerNode; i++)
        {
            Persist.Store(node + i, 0);
        }

        return block;
    }

    private static void AppendToGroup(DictionaryState state, Lane lane, long old, long added) =>
        state.Heap.GroupLogs.Append(lane, new GroupEntry(old, added, state.Root));

    private static bool Leads(DictionaryState state, ulong* slot, byte* record) =>
        Slot.Offset(*slot) == state.OffsetOf(record) && BlockHeader.IsAllocated(*(ulong*)record);
}
