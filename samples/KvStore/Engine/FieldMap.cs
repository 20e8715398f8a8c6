using GuestMemFs;
using KvStore.Protocol;

namespace KvStore.Engine;

/// <summary>A hash, or, without values, a set.</summary>
internal sealed class FieldMap(Keyspace keyspace, ServerOptions options, RecordType type) : Collection(keyspace, type)
{
    private readonly bool _hasValues = type == RecordType.Hash;

    /// <summary>Longest field or member, in bytes.</summary>
    public static int LongestField => NestedCollections.MaximumKeyLength;

    protected override int PiecesPerElement => _hasValues ? 2 : 1;

    private int MostEntries =>
        _hasValues ? options.HashPackedEntries : options.SetPackedEntries;

    private int LongestPacked => _hasValues ? options.HashPackedValue : options.SetPackedValue;

    public bool TryGet(ReadOnlySpan<byte> field, out ReadOnlySpan<byte> value)
    {
        if (IsLarge)
        {
            return TryReadEntry(Section, field, out value);
        }

        int at = Find(field, out int valueAt);
        value = at >= 0 && _hasValues ? Packed.Read(ref valueAt) : default;
        return at >= 0;
    }

    /// <summary>Sets a field; true where it is new.</summary>
    public bool Set(ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        if (!IsLarge && Math.Max(field.Length, value.Length) > LongestPacked)
        {
            Grow();
        }

        KeepAfterAll();
        IsChanged = true;
        if (IsLarge)
        {
            AddOrSet set = new(value);
            Section.Mutate(field, ref set);
            return set.IsNew;
        }

        int at = Find(field, out int valueAt);
        if (at >= 0)
        {
            if (_hasValues)
            {
                Packed.Remove(valueAt, 1);
                Packed.Insert(valueAt, value);
            }

            return false;
        }

        int end = Packed.Insert(Packed.End, field);
        if (_hasValues)
        {
            Packed.Insert(end, value);
        }

        if (Packed.Count / PiecesPerElement > MostEntries && !IsPackedInteger())
        {
            Grow();
        }

        return true;
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
            return TryReadEntry(Section, field, out _) && (TryDropWithLast() || Section.Remove(field));
        }

        int at = Find(field, out _);
        if (at < 0)
        {
            return false;
        }

        Packed.Remove(at, PiecesPerElement);
        IsChanged = true;
        return true;
    }

    /// <summary>Goes through all fields, or those behind one.</summary>
    public FieldCursor Scan(ReadOnlySpan<byte> from = default) =>
        IsLarge ? new FieldCursor(Section.Scan(from)) : new FieldCursor(Packed, _hasValues);

    /// <summary>The field with so many before it.</summary>
    public KeyValuePair<byte[], byte[]> At(long index)
    {
        if (IsLarge)
        {
            Section.TryGetAt(index, out KeyValuePair<byte[], byte[]> entry);
            return entry;
        }

        int at = Packed.PlaceOf((int)index * PiecesPerElement);
        byte[] field = Packed.Read(ref at).ToArray();
        return new(field, _hasValues ? Packed.Read(ref at).ToArray() : []);
    }

    protected override void FillLarge()
    {
        for (int at = PackedPieces.Start; at < Packed.End;)
        {
            ReadOnlySpan<byte> field = Packed.Read(ref at);
            Section.Set(field, _hasValues ? Packed.Read(ref at) : default);
        }
    }

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

    private int Find(ReadOnlySpan<byte> field, out int valueAt)
    {
        for (int at = PackedPieces.Start; at < Packed.End;)
        {
            int start = at;
            bool same = Packed.Read(ref at).SequenceEqual(field);
            valueAt = at;
            if (same)
            {
                return start;
            }

            if (_hasValues)
            {
                Packed.Read(ref at);
            }
        }

        valueAt = 0;
        return -1;
    }

    private ref struct AddOrSet(ReadOnlySpan<byte> value) : IRecordMutation
    {
        private readonly ReadOnlySpan<byte> _value = value;

        public bool IsNew { get; private set; }

        public MutationPlan Plan(in RecordView current)
        {
            IsNew = !current.Exists;
            return !IsNew && current.Value.SequenceEqual(_value) ? MutationPlan.None : MutationPlan.Put(_value.Length);
        }

        public readonly void Write(in RecordView current, Span<byte> value) => _value.CopyTo(value);
    }
}

/// <summary>Goes through the fields of a <see cref="FieldMap"/>, which must not change meanwhile.</summary>
internal ref struct FieldCursor
{
    private readonly SortedMapCursor? _large;
    private readonly PackedPieces? _packed;
    private readonly bool _hasValues;
    private int _at;

    public FieldCursor(SortedMapCursor large) => _large = large;

    public FieldCursor(PackedPieces packed, bool hasValues)
    {
        _packed = packed;
        _hasValues = hasValues;
        _at = PackedPieces.Start;
    }

    public ReadOnlySpan<byte> Field { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    public bool MoveNext()
    {
        if (_large is not null)
        {
            if (!_large.MoveNext())
            {
                return false;
            }

            SortedEntry entry = _large.Current;
            Field = entry.Key;
            Value = entry.Value;
            return true;
        }

        if (_at >= _packed!.End)
        {
            return false;
        }

        Field = _packed.Read(ref _at);
        Value = _hasValues ? _packed.Read(ref _at) : default;
        return true;
    }
}
