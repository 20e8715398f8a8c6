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
                if (tries > Tries || !state.Heap.MakeRoom(lane, refused.Requested))
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

        DictionaryTarget target = new()
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
        Apply(state, target, ref mutation, current, exists);
    }

    /// <summary>Does what a mutation decides.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Apply<TMutation>(
        DictionaryState state, in DictionaryTarget target, ref TMutation mutation, in RecordView current, bool exists)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        RecordChange wanted = mutation.Decide(current);
        switch (wanted.Kind)
        {
            case RecordChange.Action.Put:
                Put(state, target, ref mutation, current, wanted);
                break;
            case RecordChange.Action.PutInteger when state.Checksum == 0:
                PutInteger(state, target, wanted, exists);
                break;
            case RecordChange.Action.PutInteger:
                PutDigits digits = new(wanted);
                Put(state, target, ref digits, current, digits.Decide(current));
                break;
            case RecordChange.Action.SetExpiry when exists:
                SetExpiry(state, target, wanted.ExpiresAt);
                break;
            case RecordChange.Action.Remove when target.Record != null:
                DictionaryRecords.Remove(state, target);
                break;
        }
    }

    private static void Put<TMutation>(DictionaryState state, in DictionaryTarget target, ref TMutation mutation,
        in RecordView current, in RecordChange wanted)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        if ((uint)wanted.ValueLength > RecordFormat.MaximumValueLength)
        {
            throw RecordErrors.ValueTooLong(wanted.ValueLength);
        }

        byte flags = RecordFormat.ExpiryFlag(wanted.ExpiresAt);
        int keyLength = target.Key.Length;
        int storedLength = wanted.ValueLength + (int)(state.Checksum >> 32);
        ulong header = RecordFormat.Header(wanted.Type, flags, keyLength, storedLength);
        long length = RecordFormat.Length(header);
        long block = state.Heap.Blocks.Take(target.Lane, length);
        try
        {
            byte* record = RecordFiller.FillKey(target.Lane, state.At(0), block, header, target.Key, wanted.ExpiresAt);
            byte* value = record + RecordFormat.KeyOffset(header) + keyLength;
            Persist.Writes(value, wanted.ValueLength);
            mutation.Write(current, new Span<byte>(value, wanted.ValueLength));
            Persist.Wrote(value, wanted.ValueLength);
            Sum(state, record, header, target.Hash);
            DictionaryRecords.Place(state, target, block, header);
        }
        catch (Exception error)
        {
            RecordFiller.TakeBack(state.Heap, target.Lane, error, block, length); // nothing half-done stays
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

    private static void PutInteger(
        DictionaryState state, in DictionaryTarget target, in RecordChange wanted, bool exists)
    {
        if (exists && !target.Lane.InGroup
            && (RecordFormat.Flags(target.Header) & RecordFormat.IsInteger) != 0
            && RecordFormat.ExpiresAt(target.Record, target.Header) == wanted.ExpiresAt)
        {
            ulong* number = RecordFormat.IntegerWord(target.Record, target.Header);
            Persist.Publish(number, (ulong)wanted.Integer); // COMMIT POINT: number in place
            return;
        }

        byte flags = (byte)(RecordFormat.IsInteger | RecordFormat.ExpiryFlag(wanted.ExpiresAt));
        ulong header = RecordFormat.Header(wanted.Type, flags, target.Key.Length, sizeof(long));
        long block = state.Heap.Blocks.Take(target.Lane, RecordFormat.Length(header));
        byte* record = RecordFiller.FillKey(target.Lane, state.At(0), block, header, target.Key, wanted.ExpiresAt);
        Persist.Store(RecordFormat.IntegerWord(record, header), (ulong)wanted.Integer);
        PlaceOrGiveBack(state, target, block, header);
    }

    private static void SetExpiry(DictionaryState state, in DictionaryTarget target, long expiresAt)
    {
        Lane lane = target.Lane;
        byte* record = target.Record;
        ulong header = target.Header;
        long before = RecordFormat.ExpiresAt(record, header);
        if (before == expiresAt)
        {
            return;
        }

        if ((RecordFormat.Flags(header) & RecordFormat.HasExpiry) != 0 && !lane.InGroup && state.Checksum == 0)
        {
            SetExpiryInPlace(state, target, before, expiresAt);
            return;
        }

        // No word of its own, a checksum that it is part of, or a group that may have to go back: a new record with the
        // same value. Nothing that was damaged gets a checksum that is right.
        state.ThrowIfUnsound(record, header);
        ulong newHeader = RecordFormat.WithExpiry(header, expiresAt);
        long length = RecordFormat.Length(newHeader);
        long block = state.Heap.Blocks.Take(lane, length);
        byte* copy = RecordFiller.FillKey(lane, state.At(0), block, newHeader, target.Key, expiresAt);
        RecordFiller.FillValue(copy, newHeader, record, header, state.View(record, header).Value);
        Sum(state, copy, newHeader, target.Hash);
        PlaceOrGiveBack(state, target, block, newHeader);
    }

    private static void SetExpiryInPlace(DictionaryState state, in DictionaryTarget target, long before, long expiresAt)
    {
        ulong* word = RecordFormat.ExpiryWord(target.Record);
        int expiring = (expiresAt != RecordView.NoExpiry ? 1 : 0) - (before != RecordView.NoExpiry ? 1 : 0);
        if (expiring == 0)
        {
            Persist.Publish(word, (ulong)expiresAt); // COMMIT POINT: expiry in place
            return;
        }

        Intent intent = new() { Slot = state.OffsetOf(word), Value = (ulong)expiresAt };
        target.Table.Tally(ref intent, target.Lane, 0, 0, expiring);
        target.Lane.Begin(intent);
        Persist.Publish(word, (ulong)expiresAt); // COMMIT POINT: expiry
        target.Lane.Finish(intent);
    }

    private static void PlaceOrGiveBack(DictionaryState state, in DictionaryTarget target, long block, ulong header)
    {
        try
        {
            DictionaryRecords.Place(state, target, block, header);
        }
        catch (Exception error)
        {
            RecordFiller.TakeBack(state.Heap, target.Lane, error, block, RecordFormat.Length(header));
            throw;
        }
    }
}
