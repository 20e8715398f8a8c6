using System.Runtime.CompilerServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// The one way records change. A put writes a new record beside the old one and makes it true with one store of a slot;
/// integers and expiry times that have their own word are changed in place, unless an atomic group may have to go back.
/// </summary>
internal sealed unsafe partial class DictionaryCore
{
    public void Mutate<TMutation>(ReadOnlySpan<byte> key, ulong hash, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        Lane lane = _heap.TakeLane();
        try
        {
            ArenaOutOfSpaceException? refused = TryMutate(lane, key, hash, ref mutation);
            if (refused is not null)
            {
                MutateMakingRoom(lane, key, hash, ref mutation, refused);
            }

            if (lane.InsertsSinceGrowthCheck >= InsertsPerGrowthCheck)
            {
                Grow(lane);
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    /// <summary>
    /// One try under the bucket's lock; what it gives back is the refusal of a block, after which nothing was changed.
    /// </summary>
    private ArenaOutOfSpaceException? TryMutate<TMutation>(
        Lane lane, ReadOnlySpan<byte> key, ulong hash, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        Enter(hash);
        try
        {
            MutateLocked(lane, key, hash, ref mutation);
            return null;
        }
        catch (ArenaOutOfSpaceException refused)
        {
            return refused;
        }
        finally
        {
            Leave(hash);
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
                if (tries > Tries || !_heap.MakeRoom(lane, refused.Asked))
                {
                    throw refused;
                }

                if (TryMutate(lane, key, hash, ref mutation) is not { } again)
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

    private void MutateLocked<TMutation>(Lane lane, ReadOnlySpan<byte> key, ulong hash, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        Invariant.Holds(IsEntered(hash), 2);
        Table table = Current;
        ulong* bucket = table.Bucket(Table.IndexOf(hash, table.Buckets));
        byte* record = FindIn(bucket, Slot.Tag(hash), key, out ulong header, out ulong* slot);
        if (record == null && header != 0)
        {
            throw DamagedBucket(bucket);
        }

        if (_checksum != 0 && record != null && TMutation.ReadsCurrent)
        {
            ThrowIfUnsound(record, header);
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
        bool exists = record != null && !IsExpired(RecordFormat.ExpiresAt(record, header));
        RecordView current = exists ? View(record, header) : default;
        Apply(place, ref mutation, current, exists);
    }

    /// <summary>Does what a mutation plans.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Apply<TMutation>(in KeyPlace place, ref TMutation mutation, in RecordView current, bool exists)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        MutationPlan plan = mutation.Plan(current);
        switch (plan.Kind)
        {
            case MutationPlan.Action.Put:
                Put(place, ref mutation, current, plan);
                break;
            case MutationPlan.Action.PutInteger when _checksum == 0:
                PutInteger(place, plan, exists);
                break;
            case MutationPlan.Action.PutInteger:
                PutDigits digits = new(plan);
                Put(place, ref digits, current, digits.Plan(current));
                break;
            case MutationPlan.Action.SetExpiry when exists:
                SetExpiry(place, plan.ExpiresAt);
                break;
            case MutationPlan.Action.Remove when place.Record != null:
                Remove(place.Lane, place.Table, place.Bucket, place.Slot, place.Record, place.Header);
                break;
        }
    }

    private void Put<TMutation>(
        in KeyPlace place, ref TMutation mutation, in RecordView current, in MutationPlan plan)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        if ((uint)plan.ValueLength > PersistentDictionary.MaximumValueLength)
        {
            throw RecordErrors.ValueTooLong(plan.ValueLength);
        }

        byte flags = RecordFormat.ExpiryFlag(plan.ExpiresAt);
        int keyLength = place.Key.Length;
        ulong header = RecordFormat.Header(plan.Type, flags, keyLength, plan.ValueLength + (int)(_checksum >> 32));
        long length = RecordFormat.Length(header);
        long block = _heap.Blocks.Take(place.Lane, length);
        try
        {
            byte* record = RecordFiller.FillKey(place.Lane, _base, block, header, place.Key, plan.ExpiresAt);
            byte* value = record + RecordFormat.KeyOffset(header) + keyLength;
            mutation.Write(current, new Span<byte>(value, plan.ValueLength));
            Persist.Wrote(value, plan.ValueLength);
            Sum(record, header, place.Hash);
            Place(place, block, header);
        }
        catch (Exception error)
        {
            RecordFiller.TakeBack(_heap, place.Lane, error, block, length); // nothing half-done stays
            throw;
        }
    }

    /// <summary>Stores the checksum of a filled record, in a dictionary that has them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Sum(byte* record, ulong header, ulong hash)
    {
        if (_checksum != 0)
        {
            ValueChecksum.Store(record, header, hash);
        }
    }

    private void PutInteger(in KeyPlace place, in MutationPlan plan, bool exists)
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
        long block = _heap.Blocks.Take(place.Lane, RecordFormat.Length(header));
        byte* record = RecordFiller.FillKey(place.Lane, _base, block, header, place.Key, plan.ExpiresAt);
        Persist.Store(RecordFormat.IntegerWord(record, header), (ulong)plan.Integer);
        PlaceOrGiveBack(place, block, header);
    }

    private void SetExpiry(in KeyPlace place, long expiresAt)
    {
        Lane lane = place.Lane;
        byte* record = place.Record;
        ulong header = place.Header;
        long before = RecordFormat.ExpiresAt(record, header);
        if (before == expiresAt)
        {
            return;
        }

        if ((RecordFormat.Flags(header) & RecordFormat.HasExpiry) != 0 && !lane.InGroup && _checksum == 0)
        {
            ulong* word = RecordFormat.ExpiryWord(record);
            int expiring = (expiresAt != RecordView.NoExpiry ? 1 : 0) - (before != RecordView.NoExpiry ? 1 : 0);
            if (expiring == 0)
            {
                Persist.Publish(word, (ulong)expiresAt); // COMMIT POINT: expiry in place
                return;
            }

            Intent intent = new() { Slot = OffsetOf(word), Value = (ulong)expiresAt };
            Tally(ref intent, place.Table, lane, 0, 0, expiring);
            lane.Begin(intent);
            Persist.Publish(word, (ulong)expiresAt); // COMMIT POINT: expiry
            lane.Finish(intent);
            return;
        }

        // No word of its own, a checksum that it is part of, or a group that may have to go back: a new record with the
        // same value. Nothing that was damaged gets a checksum that is right.
        ThrowIfUnsound(record, header);
        ulong newHeader = RecordFormat.WithExpiry(header, expiresAt);
        long length = RecordFormat.Length(newHeader);
        long block = _heap.Blocks.Take(lane, length);
        byte* copy = RecordFiller.FillKey(lane, _base, block, newHeader, place.Key, expiresAt);
        RecordFiller.FillValue(copy, newHeader, record, header, View(record, header).Value);
        Sum(copy, newHeader, place.Hash);
        PlaceOrGiveBack(place, block, newHeader);
    }

    private void PlaceOrGiveBack(in KeyPlace place, long block, ulong header)
    {
        try
        {
            Place(place, block, header);
        }
        catch (Exception error)
        {
            RecordFiller.TakeBack(_heap, place.Lane, error, block, RecordFormat.Length(header));
            throw;
        }
    }

    /// <summary>
    /// Makes a filled record true: in place of the old one, or in an empty slot, or with a new overflow block.
    /// </summary>
    private void Place(in KeyPlace place, long block, ulong header)
    {
        Lane lane = place.Lane;
        ulong* bucket = place.Bucket;
        ulong entry = Slot.Entry(Slot.Tag(place.Hash), block);
        int expiring = (RecordFormat.Flags(header) & RecordFormat.HasExpiry) != 0 ? 1 : 0;
        byte* old = place.Record;
        if (old == null)
        {
            Insert(lane, place.Table, bucket, entry, header, expiring);
            return;
        }

        ulong* slot = place.Slot;
        ulong oldHeader = place.Header;
        Invariant.Holds(Leads(slot, old), 7);
        int wasExpiring = RecordFormat.ExpiresAt(old, oldHeader) != RecordView.NoExpiry ? 1 : 0;
        if (lane.InGroup)
        {
            AppendToGroup(lane, OffsetOf(old), block);
        }

        long freed = lane.InGroup ? 0 : OffsetOf(old);
        Intent intent = new() { Slot = OffsetOf(slot), Value = entry, New = block, Old = freed };
        Tally(ref intent, place.Table, lane, 0, Taken(header) - Taken(oldHeader), expiring - wasExpiring);
        lane.Begin(intent);
        Persist.Publish((ulong*)(_base + block), header);
        Persist.Publish(slot, entry); // COMMIT POINT: update
        Bump(bucket);
        lane.Finish(intent);
        if (intent.Old != 0)
        {
            _heap.Blocks.Give(lane, intent.Old, RecordFormat.Length(oldHeader));
        }
    }

    /// <summary>
    /// Adds an entry; <paramref name="header"/> is stored into its block first, or 0 where the block is allocated
    /// already.
    /// </summary>
    private void Insert(Lane lane, Table table, ulong* bucket, ulong entry, ulong header, int expiring)
    {
        long block = Slot.Offset(entry);
        Chain chain = new(this, bucket);
        ulong* slot = chain.Empty();
        ulong value = entry;
        long overflow = 0;
        if (slot == null)
        {
            // The last entry moves into the new block beside the new one, and its slot becomes the link: both are there
            // with that one store.
            slot = chain.LastNode(out _) + Slot.Last;
            overflow = FillOverflow(lane, *slot, entry);
            value = Slot.Link(overflow);
        }

        if (lane.InGroup && header != 0)
        {
            AppendToGroup(lane, 0, block);
        }

        ulong recordHeader = header != 0 ? header : *(ulong*)(_base + block);
        Intent intent = new()
        {
            Slot = OffsetOf(slot),
            Value = value,
            New = header != 0 ? block : 0,
            MoreNew = overflow == 0 ? default : new ReadOnlySpan<long>(&overflow, 1),
        };
        Tally(ref intent, table, lane, 1, Taken(recordHeader), expiring);
        lane.Begin(intent);
        if (header != 0)
        {
            Persist.Publish((ulong*)(_base + block), header);
        }

        if (overflow != 0)
        {
            Persist.Publish((ulong*)(_base + overflow),
                BlockHeader.Sized(BlockHeader.TypeOverflow, Table.BucketLength));
        }

        Persist.Publish(slot, value); // COMMIT POINT: insert
        lane.Finish(intent);
        lane.InsertsSinceGrowthCheck++;
    }

    private long FillOverflow(Lane lane, ulong moved, ulong entry)
    {
        long block = _heap.Blocks.Take(lane, Table.BucketLength);
        ulong* node = (ulong*)(_base + block);
        Persist.Store(node + 1, moved);
        Persist.Store(node + 2, entry);
        for (int i = 3; i <= Slot.PerNode; i++)
        {
            Persist.Store(node + i, 0);
        }

        return block;
    }
}

/// <summary>Refusals of keys and values.</summary>
internal static class RecordErrors
{
    public static ArgumentException ValueTooLong(long length) =>
        new($"A value has at most {PersistentDictionary.MaximumValueLength:N0} bytes; this one would " +
            $"have {length:N0}. Split it over several keys.", nameof(length));

    public static ArgumentException KeyTooLong(int length) =>
        new($"A key has at most {PersistentDictionary.MaximumKeyLength:N0} bytes; this one has {length:N0}. Use a " +
            "hash of it as key.", nameof(length));
}
