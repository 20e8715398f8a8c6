using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What an atomic group asks of a dictionary: the way back of one change. It puts the old record in the place of the
/// new one.
/// </summary>
internal static unsafe class DictionaryGroup
{
    public static long LengthOf(DictionaryState state, long block)
    {
        state.RecordOf((ulong)block, out ulong header);
        return RecordFormat.Length(header);
    }

    /// <summary>Undoes one change, if it happened and was not undone before.</summary>
    public static void Revert(DictionaryState state, Lane lane, long old, long added)
    {
        byte* witness = state.At(added != 0 ? added : old);
        ulong header = *(ulong*)witness;
        if (!BlockHeader.IsAllocated(header))
        {
            return; // the change was never begun, or is undone
        }

        ulong hash = state.Hash(RecordFormat.Key(state.RecordOf((ulong)state.OffsetOf(witness), out _), header));
        state.Locks.Enter(hash);
        try
        {
            Table table = state.Current;
            ulong* bucket = table.Bucket(Table.IndexOf(hash, table.Buckets));
            ulong* slot = new Chain(state, bucket).Holder(state.OffsetOf(witness));
            DictionaryTarget target = new() { Lane = lane, Table = table, Hash = hash, Bucket = bucket, Slot = slot,
                Record = witness, Header = header };
            if (added == 0)
            {
                RevertRemoval(state, target);
            }
            else if (slot != null)
            {
                RevertPut(state, target, old);
            }
        }
        finally
        {
            state.Locks.Leave(hash);
        }
    }

    private static void RevertRemoval(DictionaryState state, in DictionaryTarget target)
    {
        if (target.Slot == null)
        {
            ulong entry = Slot.Entry(Slot.Tag(target.Hash), state.OffsetOf(target.Record));
            int expiring = DictionaryRecords.Expiring(target.Record, target.Header);
            DictionaryRecords.Insert(state, target, entry, header: 0, expiring);
        }
    }

    private static void RevertPut(DictionaryState state, in DictionaryTarget target, long old)
    {
        Lane lane = target.Lane;
        ulong* bucket = target.Bucket;
        ulong* slot = target.Slot;
        ulong header = target.Header;
        long taken = DictionaryRecords.Taken(header);
        Intent intent = new() { Old = state.OffsetOf(target.Record) };
        int expiring = -DictionaryRecords.Expiring(target.Record, header);
        if (old == 0)
        {
            target.Table.Tally(ref intent, lane, -1, -taken, expiring);
            DictionaryRecords.TakeOut(state, lane, bucket, slot, ref intent);
        }
        else
        {
            byte* before = state.RecordOf((ulong)old, out ulong oldHeader);
            intent.Slot = state.OffsetOf(slot);
            intent.Value = Slot.Entry(Slot.Tag(target.Hash), old);
            expiring += DictionaryRecords.Expiring(before, oldHeader);
            target.Table.Tally(ref intent, lane, 0, DictionaryRecords.Taken(oldHeader) - taken, expiring);
            lane.Begin(intent);
            Persist.Publish(slot, intent.Value); // COMMIT POINT: update back
            DictionaryState.Bump(bucket);
            lane.Finish(intent);
        }

        state.Heap.Blocks.Give(lane, state.OffsetOf(target.Record), RecordFormat.Length(header));
    }
}
