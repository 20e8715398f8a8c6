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
            KeyPlace place = new() { Lane = lane, Table = table, Hash = hash, Bucket = bucket, Slot = slot,
                Record = witness, Header = header };
            if (added == 0)
            {
                RevertRemoval(state, place);
            }
            else if (slot != null)
            {
                RevertPut(state, place, old);
            }
        }
        finally
        {
            state.Locks.Leave(hash);
        }
    }

    private static void RevertRemoval(DictionaryState state, in KeyPlace place)
    {
        if (place.Slot == null)
        {
            ulong entry = Slot.Entry(Slot.Tag(place.Hash), state.OffsetOf(place.Record));
            int expiring = DictionaryRecords.Expiring(place.Record, place.Header);
            DictionaryRecords.Insert(state, place, entry, header: 0, expiring);
        }
    }

    private static void RevertPut(DictionaryState state, in KeyPlace place, long old)
    {
        Lane lane = place.Lane;
        ulong* bucket = place.Bucket;
        ulong* slot = place.Slot;
        ulong header = place.Header;
        long taken = DictionaryRecords.Taken(header);
        Intent intent = new() { Old = state.OffsetOf(place.Record) };
        int expiring = -DictionaryRecords.Expiring(place.Record, header);
        if (old == 0)
        {
            place.Table.Tally(ref intent, lane, -1, -taken, expiring);
            DictionaryRecords.TakeOut(state, lane, bucket, slot, ref intent);
        }
        else
        {
            byte* before = state.RecordOf((ulong)old, out ulong oldHeader);
            intent.Slot = state.OffsetOf(slot);
            intent.Value = Slot.Entry(Slot.Tag(place.Hash), old);
            expiring += DictionaryRecords.Expiring(before, oldHeader);
            place.Table.Tally(ref intent, lane, 0, DictionaryRecords.Taken(oldHeader) - taken, expiring);
            lane.Begin(intent);
            Persist.Publish(slot, intent.Value); // COMMIT POINT: update back
            DictionaryState.Bump(bucket);
            lane.Finish(intent);
        }

        state.Heap.Blocks.Give(lane, state.OffsetOf(place.Record), RecordFormat.Length(header));
    }
}
