using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// One change of a key that was located, under the map's lock: a new record in the place of the old one, or beside the
/// others. Integers and expiry times that have a word of their own are changed in place, unless an atomic group may
/// have to go back.
/// </summary>
internal readonly unsafe ref struct SortedChange(
    TreeMemory memory, TreeRecords records, Lane lane, ReadOnlySpan<byte> key, Target target)
{
    private readonly ReadOnlySpan<byte> _key = key;
    private readonly Target _target = target;

    public void Put<TMutation>(
        scoped ref TreePath path, ref TMutation mutation, scoped in RecordView current, scoped in RecordChange wanted)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        if ((uint)wanted.ValueLength > RecordFormat.MaximumValueLength)
        {
            throw RecordErrors.ValueTooLong(wanted.ValueLength);
        }

        byte flags = RecordFormat.ExpiryFlag(wanted.ExpiresAt);
        ulong header = RecordFormat.Header(wanted.Type, flags, _key.Length, wanted.ValueLength);
        long block = Begin(ref path, header, wanted.ExpiresAt);
        try
        {
            byte* value = memory.At(block) + RecordFormat.KeyOffset(header) + _key.Length;
            Persist.Writes(value, wanted.ValueLength);
            mutation.Write(current, new Span<byte>(value, wanted.ValueLength));
            Persist.Wrote(value, wanted.ValueLength);
            Place(path, block, header);
        }
        catch (Exception error)
        {
            RecordFiller.TakeBack(memory.Heap, lane, error, block, RecordFormat.Length(header));
            throw;
        }
    }

    public void PutInteger(ref TreePath path, in RecordChange wanted, bool exists)
    {
        if (exists && !lane.InGroup && (RecordFormat.Flags(_target.Header) & RecordFormat.IsInteger) != 0
            && RecordFormat.ExpiresAt(_target.Record, _target.Header) == wanted.ExpiresAt)
        {
            ulong* number = RecordFormat.IntegerWord(_target.Record, _target.Header);
            Persist.Publish(number, (ulong)wanted.Integer); // COMMIT POINT: entry's number in place
            return;
        }

        byte flags = (byte)(RecordFormat.IsInteger | RecordFormat.ExpiryFlag(wanted.ExpiresAt));
        ulong header = RecordFormat.Header(wanted.Type, flags, _key.Length, sizeof(long));
        long block = Begin(ref path, header, wanted.ExpiresAt);
        Persist.Store(RecordFormat.IntegerWord(memory.At(block), header), (ulong)wanted.Integer);
        PlaceOrGiveBack(path, block, header);
    }

    public void SetExpiry(ref TreePath path, long expiresAt)
    {
        ulong header = _target.Header;
        if (RecordFormat.ExpiresAt(_target.Record, header) == expiresAt)
        {
            return;
        }

        if ((RecordFormat.Flags(header) & RecordFormat.HasExpiry) != 0 && !lane.InGroup)
        {
            records.SetExpiry(lane, _target, expiresAt);
            return;
        }

        // No word of its own, or a group that may have to go back: a new record with the same value.
        ulong newHeader = RecordFormat.WithExpiry(header, expiresAt);
        long block = Begin(ref path, newHeader, expiresAt);
        ReadOnlySpan<byte> value = RecordView.Of(_target.Record, header).Value;
        RecordFiller.FillValue(memory.At(block), newHeader, _target.Record, header, value);
        PlaceOrGiveBack(path, block, newHeader);
    }

    public void Remove(in TreePath path)
    {
        if (lane.InGroup)
        {
            AppendToGroup(memory.OffsetOf(_target.Record), 0);
            records.Remove(lane, path, _target, frees: false);
            return;
        }

        records.Remove(lane, path, _target, frees: true);
        records.Thin(lane, path, _key);
    }

    /// <summary>Sees to a free slot, takes a record's block and fills its key.</summary>
    private long Begin(ref TreePath path, ulong header, long expiresAt)
    {
        if (!_target.IsThere)
        {
            records.MakeSlot(lane, _key, ref path);
        }

        long block = memory.Heap.Blocks.Take(lane, RecordFormat.Length(header));
        RecordFiller.FillKey(lane, memory.At(0), block, header, _key, expiresAt);
        return block;
    }

    private void PlaceOrGiveBack(in TreePath path, long block, ulong header)
    {
        try
        {
            Place(path, block, header);
        }
        catch (Exception error)
        {
            RecordFiller.TakeBack(memory.Heap, lane, error, block, RecordFormat.Length(header));
            throw;
        }
    }

    /// <summary>Makes a filled record true.</summary>
    private void Place(in TreePath path, long block, ulong header)
    {
        if (lane.InGroup)
        {
            AppendToGroup(_target.IsThere ? memory.OffsetOf(_target.Record) : 0, block);
        }

        if (_target.IsThere)
        {
            records.Replace(lane, path, _target, block, header, frees: !lane.InGroup);
        }
        else
        {
            records.Insert(lane, path, block, header, isNew: true);
        }
    }

    private void AppendToGroup(long old, long added) =>
        memory.Heap.GroupLogs.Append(lane, new GroupEntry(old, added, memory.Root.Offset));
}
