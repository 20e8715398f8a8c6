using GuestMemFs;
using KvStore.Protocol;

namespace KvStore.Engine;

/// <summary>A hash, or, without values, a set.</summary>
/// <remarks>
/// <para>A field of a hash may have a time at which it expires. In a small one that is a third piece of each field
/// (<see cref="PackedPieces.TimesMark"/>). In a large one the entry's type is <see cref="RecordType.Hash"/>, its value
/// begins with the time, and the other order has the times with the fields behind them.</para>
/// <para>What has expired is not seen from the opening on. Of a small one it is left out of what is loaded, and goes
/// with the next change; of a large one it lies there until <see cref="RemoveExpired"/>.</para>
/// </remarks>
internal sealed class FieldMap(Keyspace keyspace, ServerOptions options, RecordType type) : Collection(keyspace, type)
{
    private readonly bool _hasValues = type == RecordType.Hash;
    private bool _isTimed;
    private long _now;
    private long _earliest;

    /// <summary>Longest field or member, in bytes.</summary>
    public static int LongestField => NestedCollections.MaximumKeyLength;

    /// <summary>The time by which it is looked at: what is due then has expired.</summary>
    public long Now => _now != 0 ? _now : _now = WallClock.Milliseconds;

    /// <summary>The earliest time of its fields in the arena, or <see cref="FieldTimes.Never"/>.</summary>
    public long NotedTime { get; private set; }

    /// <summary>How many fields that had expired went since it was opened.</summary>
    public int Expired { get; private set; }

    /// <summary>How many fields were removed since it was opened, those that had expired not counted.</summary>
    public int Removed { get; private set; }

    protected override int PiecesPerElement => !_hasValues ? 1 : Packed.HasTimes ? 3 : 2;

    private int MostEntries =>
        _hasValues ? options.HashPackedEntries : options.SetPackedEntries;

    private int LongestPacked => _hasValues ? options.HashPackedValue : options.SetPackedValue;

    private FieldDues Dues => Keyspace.Databases.Selected.FieldDues;

    public bool TryGet(ReadOnlySpan<byte> field, out ReadOnlySpan<byte> value) => TryGet(field, out value, out _);

    /// <summary>A field's value, and when it expires; false where there is none, or it has expired.</summary>
    public bool TryGet(ReadOnlySpan<byte> field, out ReadOnlySpan<byte> value, out long time)
    {
        if (IsLarge)
        {
            bool isThere = TryReadAny(field, out value, out time) && !IsPast(time);
            value = isThere ? value : default;
            time = isThere ? time : FieldTimes.Never;
            return isThere;
        }

        int at = Find(field, out int next);
        value = at >= 0 && _hasValues ? Packed.Read(ref next) : default;
        time = at >= 0 && Packed.HasTimes ? TimeIn(Packed.Read(ref next)) : FieldTimes.Never;
        return at >= 0;
    }

    /// <summary>Sets a field; true where it is new.</summary>
    /// <param name="field">Which.</param>
    /// <param name="value">Its value.</param>
    /// <param name="keepsTime">True where it expires when it did; else it does not.</param>
    public bool Set(ReadOnlySpan<byte> field, ReadOnlySpan<byte> value, bool keepsTime = false)
    {
        if (!IsLarge && Math.Max(field.Length, value.Length) > LongestPacked)
        {
            Grow();
        }

        KeepAfterAll();
        IsChanged = true;
        if (IsLarge)
        {
            return SetLarge(field, value, keepsTime);
        }

        int at = Find(field, out int valueAt);
        if (at >= 0)
        {
            if (_hasValues)
            {
                Packed.Remove(valueAt, 1);
                int timeAt = Packed.Insert(valueAt, value);
                PutTime(timeAt, keepsTime, FieldTimes.Never);
            }

            return false;
        }

        int end = Packed.Insert(Packed.End, field);
        if (_hasValues)
        {
            end = Packed.Insert(end, value);
        }

        if (Packed.HasTimes)
        {
            Packed.Insert(end, default);
        }

        if (Packed.Count / PiecesPerElement > MostEntries && !IsPackedInteger())
        {
            Grow();
        }

        return true;
    }

    /// <summary>Changes when a field that is there expires; <see cref="FieldTimes.Never"/>: not.</summary>
    public void SetTime(ReadOnlySpan<byte> field, long time)
    {
        IsChanged = true;
        if (IsLarge)
        {
            TryReadAny(field, out ReadOnlySpan<byte> value, out long old);
            PutLarge(field, value, time, old);
            return;
        }

        if (!Packed.HasTimes)
        {
            AddTimes();
        }

        Find(field, out int at);
        Packed.Read(ref at);
        PutTime(at, keeps: false, time);
    }

    /// <summary>Adds a member; false where it is one.</summary>
    public bool Add(ReadOnlySpan<byte> member)
    {
        if (TryGet(member, out _))
        {
            return false;
        }

        return Set(member, default);
    }

    /// <summary>Removes a field; false where there is none.</summary>
    public bool Remove(ReadOnlySpan<byte> field)
    {
        if (IsLarge)
        {
            bool removed = TryReadAny(field, out _, out long time) && !IsPast(time)
                && (TryDropWithLast() || RemoveEntry(field, time));
            Removed += removed ? 1 : 0;
            return removed;
        }

        int at = Find(field, out _);
        if (at < 0)
        {
            return false;
        }

        Packed.Remove(at, PiecesPerElement);
        IsChanged = true;
        Removed++;
        return true;
    }

    /// <summary>Removes so many fields that have expired. A small one, or one of which all have, loses all.</summary>
    public void RemoveExpired(int most)
    {
        IsChanged |= NotedTime != FieldTimes.Never && IsPast(NotedTime);
        if (!IsLarge || !IsChanged)
        {
            return;
        }

        SortedMapCursor due = OtherSection().Scan();
        for (int i = 0; i < most && due.MoveNext() && IsPast(FieldTimes.Of(due.Current.Key)); i++)
        {
            byte[] key = due.Current.Key.ToArray();
            RemoveEntry(key.AsSpan(FieldTimes.Length), FieldTimes.Of(key));
            Expired++;
        }
    }

    /// <summary>Goes through all fields, or those behind one.</summary>
    public FieldCursor Scan(ReadOnlySpan<byte> from = default) => IsLarge
        ? new FieldCursor(Section.Scan(from), _isTimed ? Now : long.MinValue)
        : new FieldCursor(Packed, PiecesPerElement);

    /// <summary>True where most fields that are there have expired: chance seldom meets another one.</summary>
    public bool IsSparse => IsLarge && _isTimed && Count < CountUnseen() / 16;

    /// <summary>Any field; there has to be one.</summary>
    public KeyValuePair<byte[], byte[]> AtRandom()
    {
        if (IsSparse)
        {
            FieldCursor cursor = Scan();
            for (long left = Random.Shared.NextInt64(Count); left >= 0; left--)
            {
                cursor.MoveNext();
            }

            return new(cursor.Field.ToArray(), cursor.Value.ToArray());
        }

        long places = Count + (IsLarge ? CountUnseen() : 0);
        KeyValuePair<byte[], byte[]> field;
        while (!TryGetAt(Random.Shared.NextInt64(places), out field))
        {
            // It has expired: another one.
        }

        return field;
    }

    /// <summary>The field with so many before it; none of them has expired.</summary>
    public KeyValuePair<byte[], byte[]> At(long index)
    {
        TryGetAt(index, out KeyValuePair<byte[], byte[]> field);
        return field;
    }

    /// <summary>True where none of its fields has expired and lies there yet.</summary>
    public bool IsDense => !IsLarge || CountUnseen() == 0;

    /// <inheritdoc/>
    public override int StoresOf(int changes) => _isTimed ? TimedStoresOf(changes) : changes;

    /// <summary>The same, where fields get times: an entry and its time, and two notes.</summary>
    public static int TimedStoresOf(int changes) => (int)Math.Min(int.MaxValue, (3L * changes) + 4);

    /// <summary>True for a small set of integers, of which more are small.</summary>
    public bool IsPackedInteger()
    {
        bool all = !_hasValues && !IsLarge && Packed.Count <= options.SetPackedIntegers;
        for (int at = PackedPieces.Start; all && at < Packed.End;)
        {
            all = Numbers.TryParse(Packed.Read(ref at), out _);
        }

        return all;
    }

    protected override void Began()
    {
        _isTimed = false;
        _now = 0;
        NotedTime = _earliest = FieldTimes.Never;
        Expired = Removed = 0;
    }

    protected override void Opened()
    {
        if (IsLarge && _hasValues && Dues.Any
            && OtherSection().TryGetFirst(out KeyValuePair<byte[], byte[]> first))
        {
            _isTimed = true;
            NotedTime = FieldTimes.Of(first.Key);
            if (IsPast(NotedTime) && Count == 0)
            {
                Expired = (int)Math.Min(int.MaxValue, CountUnseen());
                _isTimed = false;
                BeginAnew();
            }
        }
        else if (Packed.HasTimes)
        {
            NotedTime = EarliestPacked();
            if (IsPast(NotedTime))
            {
                LeaveExpiredOut();
            }
        }
    }

    protected override void BeforeCommit(bool stays)
    {
        _earliest = FieldTimes.Never;
        if (stays && IsLarge && _isTimed)
        {
            OtherSection().TryGetFirst(out KeyValuePair<byte[], byte[]> first);
            _earliest = first.Key is null ? FieldTimes.Never : FieldTimes.Of(first.Key);
        }
        else if (stays && Packed.HasTimes)
        {
            _earliest = EarliestPacked();
            if (_earliest == FieldTimes.Never)
            {
                RemoveTimes();
            }
        }

        // Before the hash is stored: a hash without its note would keep for good what expires.
        if (_earliest != FieldTimes.Never && _earliest != NotedTime)
        {
            Dues.Note(_earliest, Key);
        }
    }

    protected override void AfterCommit()
    {
        if (NotedTime != FieldTimes.Never && NotedTime != _earliest)
        {
            Dues.Forget(NotedTime, Key);
        }

        NotedTime = _earliest;
    }

    protected override long CountUnseen() =>
        _isTimed ? OtherSection().CountRange(default, FieldTimes.KeyOf(Now + 1, default)) : 0;

    protected override void FillLarge()
    {
        _isTimed = Packed.HasTimes;
        for (int at = PackedPieces.Start; at < Packed.End;)
        {
            ReadOnlySpan<byte> field = Packed.Read(ref at);
            ReadOnlySpan<byte> value = _hasValues ? Packed.Read(ref at) : default;
            PutLarge(field, value, _isTimed ? TimeIn(Packed.Read(ref at)) : FieldTimes.Never, FieldTimes.Never);
        }
    }

    protected override void KeepAfterAll()
    {
        if (_isTimed && IsLarge && !Exists)
        {
            OtherSection().RemoveFirst(int.MaxValue);
        }

        base.KeepAfterAll();
    }

    private static long TimeIn(ReadOnlySpan<byte> piece) =>
        piece.IsEmpty ? FieldTimes.Never : FieldTimes.Of(piece);

    private bool IsPast(long time) => time != FieldTimes.Never && time <= Now;

    /// <summary>A large one's field, whether it has expired or not.</summary>
    private bool TryReadAny(ReadOnlySpan<byte> field, out ReadOnlySpan<byte> value, out long time)
    {
        bool found = TryReadEntry(Section, field, out ReadOnlySpan<byte> bytes, out RecordType kind);
        value = FieldTimes.ValueIn(bytes, found && _isTimed ? kind : RecordType.None, out time);
        return found;
    }

    private bool SetLarge(ReadOnlySpan<byte> field, ReadOnlySpan<byte> value, bool keepsTime)
    {
        if (!_isTimed)
        {
            AddOrSet set = new(value);
            Section.Mutate(field, ref set);
            return set.IsNew;
        }

        bool isNew = !TryReadAny(field, out _, out long old) || IsPast(old);
        Expired += IsPast(old) ? 1 : 0;
        PutLarge(field, value, keepsTime && !isNew ? old : FieldTimes.Never, old);
        return isNew;
    }

    private void PutLarge(ReadOnlySpan<byte> field, ReadOnlySpan<byte> value, long time, long old)
    {
        PutTimed put = new(value, time);
        Section.Mutate(field, ref put);
        if (old != FieldTimes.Never && old != time)
        {
            OtherSection().Remove(FieldTimes.KeyOf(old, field));
        }

        if (time != FieldTimes.Never && old != time)
        {
            OtherSection().Set(FieldTimes.KeyOf(time, field), default);
            _isTimed = true;
        }
    }

    private bool RemoveEntry(ReadOnlySpan<byte> field, long time)
    {
        if (time != FieldTimes.Never)
        {
            OtherSection().Remove(FieldTimes.KeyOf(time, field));
        }

        return Section.Remove(field);
    }

    /// <summary>The field of a place, those that have expired counted; false where it is one.</summary>
    private bool TryGetAt(long place, out KeyValuePair<byte[], byte[]> field)
    {
        if (IsLarge)
        {
            Section.TryGetAt(place, out field);
            if (_isTimed)
            {
                bool isThere = TryGet(field.Key, out ReadOnlySpan<byte> value);
                field = new(field.Key, value.ToArray());
                return isThere;
            }

            return true;
        }

        int at = Packed.PlaceOf((int)place * PiecesPerElement);
        byte[] name = Packed.Read(ref at).ToArray();
        field = new(name, _hasValues ? Packed.Read(ref at).ToArray() : []);
        return true;
    }

    private int Find(ReadOnlySpan<byte> field, out int valueAt)
    {
        int rest = PiecesPerElement - 1;
        for (int at = PackedPieces.Start; at < Packed.End;)
        {
            int start = at;
            bool same = Packed.Read(ref at).SequenceEqual(field);
            valueAt = at;
            if (same)
            {
                return start;
            }

            Packed.Skip(ref at, rest);
        }

        valueAt = 0;
        return -1;
    }

    private void PutTime(int at, bool keeps, long time)
    {
        if (Packed.HasTimes && !keeps)
        {
            Span<byte> bytes = stackalloc byte[FieldTimes.Length];
            FieldTimes.Write(bytes, time);
            Packed.Remove(at, 1);
            Packed.Insert(at, time == FieldTimes.Never ? default : bytes);
        }
    }

    private void AddTimes()
    {
        for (int at = PackedPieces.Start; at < Packed.End;)
        {
            Packed.Skip(ref at, 2);
            at = Packed.Insert(at, default);
        }

        Packed.HasTimes = true;
    }

    /// <summary>Where no field has a time, the form is that of a hash that never had one.</summary>
    private void RemoveTimes()
    {
        for (int at = PackedPieces.Start; at < Packed.End;)
        {
            Packed.Skip(ref at, 2);
            Packed.Remove(at, 1);
        }

        Packed.HasTimes = false;
    }

    private long EarliestPacked()
    {
        long earliest = long.MaxValue;
        for (int at = PackedPieces.Start; at < Packed.End;)
        {
            Packed.Skip(ref at, 2);
            long time = TimeIn(Packed.Read(ref at));
            earliest = time == FieldTimes.Never ? earliest : Math.Min(earliest, time);
        }

        return earliest == long.MaxValue ? FieldTimes.Never : earliest;
    }

    private void LeaveExpiredOut()
    {
        for (int at = PackedPieces.Start; at < Packed.End;)
        {
            int start = at;
            Packed.Skip(ref at, 2);
            if (IsPast(TimeIn(Packed.Read(ref at))))
            {
                Packed.Remove(start, 3);
                at = start;
                Expired++;
            }
        }

        if (!Exists)
        {
            BeginAnew();
        }
    }

    private ref struct AddOrSet(ReadOnlySpan<byte> value) : IRecordMutation
    {
        private readonly ReadOnlySpan<byte> _value = value;

        public bool IsNew { get; private set; }

        public RecordChange Decide(in RecordView current)
        {
            IsNew = !current.Exists;
            return !IsNew && current.Value.SequenceEqual(_value) ? RecordChange.None : RecordChange.Put(_value.Length);
        }

        public readonly void Write(in RecordView current, Span<byte> value) => _value.CopyTo(value);
    }

    /// <summary>Puts a value with its time in front, or alone where it has none.</summary>
    private readonly ref struct PutTimed(ReadOnlySpan<byte> value, long time) : IRecordMutation
    {
        private readonly ReadOnlySpan<byte> _value = value;

        public static bool ReadsCurrent => false;

        private int Before => time == FieldTimes.Never ? 0 : FieldTimes.Length;

        public RecordChange Decide(in RecordView current) => RecordChange.Put(
            Before + _value.Length, RecordView.NoExpiry, Before > 0 ? RecordType.Hash : RecordType.String);

        public void Write(in RecordView current, Span<byte> value)
        {
            if (Before > 0)
            {
                FieldTimes.Write(value, time);
            }

            _value.CopyTo(value[Before..]);
        }
    }
}
