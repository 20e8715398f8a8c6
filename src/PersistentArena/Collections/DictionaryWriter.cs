using System.Runtime.CompilerServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// The one way records change. A put writes a new record beside the old one and makes it true with one store of a slot;
/// integers and expiry times that have their own word are changed in place, unless an atomic group may have to go back.
/// </summary>
internal sealed unsafe class DictionaryWriter(DictionaryState state, TableGrowth growth)
{
    public void Mutate<TMutation>(ReadOnlySpan<byte> key, ulong hash, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        DictionaryState dictionary = state;
        Lane lane = dictionary.Heap.TakeLane();
        try
        {
            ArenaOutOfSpaceException? refused = TryMutate(dictionary, lane, key, hash, ref mutation);
            if (refused is not null)
            {
                MutateMakingRoom(lane, key, hash, ref mutation, refused);
            }

            if (TableGrowth.IsDue(lane))
            {
                growth.Grow(lane);
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    /// <summary>
    /// Makes room, without the bucket's lock, and tries again; others may take what was made before this does.
    /// </summary>
    private void MutateMakingRoom<TMutation>(
        Lane lane, ReadOnlySpan<byte> key, ulong hash, ref TMutation mutation, ArenaOutOfSpaceException refused)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        const int Tries = 64;
        try
        {
            for (int tries = 1; ; tries++)
            {
                if (tries > Tries || !state.Heap.MakeRoom(lane, refused.Asked))
                {
                    throw refused;
                }

                if (TryMutate(state, lane, key, hash, ref mutation) is not { } again)
                {
                    return;
                }

                refused = again;
            }
        }
        finally
        {
            lane.TakesAnything = false;
        }
    }

    /// <summary>
    /// One try under the bucket's lock; what it gives back is the refusal of a block, after which nothing was changed.
    /// </summary>
    private static ArenaOutOfSpaceException? TryMutate<TMutation>(
        DictionaryState state, Lane lane, ReadOnlySpan<byte> key, ulong hash, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        state.Locks.Enter(hash);
        try
        {
            MutateLocked(state, lane, key, hash, ref mutation);
            return null;
        }
        catch (ArenaOutOfSpaceException refused)
        {
            return refused;
        }
        finally
        {
            state.Locks.Leave(hash);
        }
    }

    private static void MutateLocked<TMutation>(
        DictionaryState state, Lane lane, ReadOnlySpan<byte> key, ulong hash, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        Table table = state.TableUnderLock(hash);
        ulong* bucket = table.Bucket(Table.IndexOf(hash, table.Buckets));
        byte* record = state.FindIn(bucket, Slot.Tag(hash), key, out ulong header, out ulong* slot);
        if (record == null && header != 0)
        {
            throw state.DamagedBucket(bucket);
        }

        if (state.Checksum != 0 && record != null && TMutation.ReadsCurrent)
        {
            state.ThrowIfUnsound(record, header);
        }

        KeyPlace place = new()
        {
            Lane = lane,
            Table = table,
            Key = key,
            Hash = hash,
            Bucket = bucket,
            Slot = slot,
            Record = record,
            Header = header,
        };
        bool exists = record != null && !state.IsExpired(RecordFormat.ExpiresAt(record, header));
        RecordView current = exists ? state.View(record, header) : default;
        Apply(state, place, ref mutation, current, exists);
    }

    /// <summary>Does what a mutation plans.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Apply<TMutation>(
        DictionaryState state, in KeyPlace place, ref TMutation mutation, in RecordView current, bool exists)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        MutationPlan plan = mutation.Plan(current);
        switch (plan.Kind)
        {
            case MutationPlan.Action.Put:
                Put(state, place, ref mutation, current, plan);
                break;
            case MutationPlan.Action.PutInteger when state.Checksum == 0:
                PutInteger(state, place, plan, exists);
                break;
            case MutationPlan.Action.PutInteger:
                PutDigits digits = new(plan);
                Put(state, place, ref digits, current, digits.Plan(current));
                break;
            case MutationPlan.Action.SetExpiry when exists:
                SetExpiry(state, place, plan.ExpiresAt);
                break;
            case MutationPlan.Action.Remove when place.Record != null:
                DictionaryRecords.Remove(state, place);
                break;
        }
    }

    private static void Put<TMutation>(DictionaryState state, in KeyPlace place, ref TMutation mutation,
        in RecordView current, in MutationPlan plan)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        if ((uint)plan.ValueLength > RecordFormat.MaximumValueLength)
        {
            throw RecordErrors.ValueTooLong(plan.ValueLength);
        }

        byte flags = RecordFormat.ExpiryFlag(plan.ExpiresAt);
        int keyLength = place.Key.Length;
        int storedLength = plan.ValueLength + (int)(state.Checksum >> 32);
        ulong header = RecordFormat.Header(plan.Type, flags, keyLength, storedLength);
        long length = RecordFormat.Length(header);
        long block = state.Heap.Blocks.Take(place.Lane, length);
        try
        {
            byte* record = RecordFiller.FillKey(place.Lane, state.At(0), block, header, place.Key, plan.ExpiresAt);
            byte* value = record + RecordFormat.KeyOffset(header) + keyLength;
            mutation.Write(current, new Span<byte>(value, plan.ValueLength));
            Persist.Wrote(value, plan.ValueLength);
            Sum(state, record, header, place.Hash);
            DictionaryRecords.Place(state, place, block, header);
        }
        catch (Exception error)
        {
            RecordFiller.TakeBack(state.Heap, place.Lane, error, block, length); // nothing half-done stays
            throw;
        }
    }

    /// <summary>Stores the checksum of a filled record, in a dictionary that has them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Sum(DictionaryState state, byte* record, ulong header, ulong hash)
    {
        if (state.Checksum != 0)
        {
            ValueChecksum.Store(record, header, hash);
        }
    }

    private static void PutInteger(DictionaryState state, in KeyPlace place, in MutationPlan plan, bool exists)
    {
        if (exists && !place.Lane.InGroup
            && (RecordFormat.Flags(place.Header) & RecordFormat.IsInteger) != 0
            && RecordFormat.ExpiresAt(place.Record, place.Header) == plan.ExpiresAt)
        {
            ulong* number = RecordFormat.IntegerWord(place.Record, place.Header);
            Persist.Publish(number, (ulong)plan.Integer); // COMMIT POINT: number in place
            return;
        }

        byte flags = (byte)(RecordFormat.IsInteger | RecordFormat.ExpiryFlag(plan.ExpiresAt));
        ulong header = RecordFormat.Header(plan.Type, flags, place.Key.Length, sizeof(long));
        long block = state.Heap.Blocks.Take(place.Lane, RecordFormat.Length(header));
        byte* record = RecordFiller.FillKey(place.Lane, state.At(0), block, header, place.Key, plan.ExpiresAt);
        Persist.Store(RecordFormat.IntegerWord(record, header), (ulong)plan.Integer);
        PlaceOrGiveBack(state, place, block, header);
    }

    private static void SetExpiry(DictionaryState state, in KeyPlace place, long expiresAt)
    {
        Lane lane = place.Lane;
        byte* record = place.Record;
        ulong header = place.Header;
        long before = RecordFormat.ExpiresAt(record, header);
        if (before == expiresAt)
        {
            return;
        }

        if ((RecordFormat.Flags(header) & RecordFormat.HasExpiry) != 0 && !lane.InGroup && state.Checksum == 0)
        {
            SetExpiryInPlace(state, place, before, expiresAt);
            return;
        }

        // No word of its own, a checksum that it is part of, or a group that may have to go back: a new record with the
        // same value. Nothing that was damaged gets a checksum that is right.
        state.ThrowIfUnsound(record, header);
        ulong newHeader = RecordFormat.WithExpiry(header, expiresAt);
        long length = RecordFormat.Length(newHeader);
        long block = state.Heap.Blocks.Take(lane, length);
        byte* copy = RecordFiller.FillKey(lane, state.At(0), block, newHeader, place.Key, expiresAt);
        RecordFiller.FillValue(copy, newHeader, record, header, state.View(record, header).Value);
        Sum(state, copy, newHeader, place.Hash);
        PlaceOrGiveBack(state, place, block, newHeader);
    }

    private static void SetExpiryInPlace(DictionaryState state, in KeyPlace place, long before, long expiresAt)
    {
        ulong* word = RecordFormat.ExpiryWord(place.Record);
        int expiring = (expiresAt != RecordView.NoExpiry ? 1 : 0) - (before != RecordView.NoExpiry ? 1 : 0);
        if (expiring == 0)
        {
            Persist.Publish(word, (ulong)expiresAt); // COMMIT POINT: expiry in place
            return;
        }

        Intent intent = new() { Slot = state.OffsetOf(word), Value = (ulong)expiresAt };
        place.Table.Tally(ref intent, place.Lane, 0, 0, expiring);
        place.Lane.Begin(intent);
        Persist.Publish(word, (ulong)expiresAt); // COMMIT POINT: expiry
        place.Lane.Finish(intent);
    }

    private static void PlaceOrGiveBack(DictionaryState state, in KeyPlace place, long block, ulong header)
    {
        try
        {
            DictionaryRecords.Place(state, place, block, header);
        }
        catch (Exception error)
        {
            RecordFiller.TakeBack(state.Heap, place.Lane, error, block, RecordFormat.Length(header));
            throw;
        }
    }
}
