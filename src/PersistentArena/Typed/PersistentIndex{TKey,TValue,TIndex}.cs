using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>
/// An index of a <see cref="PersistentTable{TKey, TValue}"/>: its records by a key that their values give, which
/// <see cref="PersistentTable{TKey, TValue}.Index"/> declares.
/// </summary>
/// <remarks>
/// <para>Thread-safe. A look takes no lock: each record that it gives has that key when it is given; one that changes
/// meanwhile may be missing. In a <see cref="PersistentSnapshot"/> all are of one instant.</para>
/// <para>A look while it is being built throws <see cref="PersistentIndexException"/>.</para>
/// </remarks>
/// <typeparam name="TKey">The type of the records' keys.</typeparam>
/// <typeparam name="TValue">The type of the values.</typeparam>
/// <typeparam name="TIndex">The type of the index keys.</typeparam>
public sealed class PersistentIndex<TKey, TValue, TIndex>
    where TKey : notnull
    where TIndex : notnull
{
    private readonly TableCore<TKey, TValue> _core;
    private readonly TableIndex<TValue, TIndex> _index;

    internal PersistentIndex(TableCore<TKey, TValue> core, TableIndex<TValue, TIndex> index)
    {
        _core = core;
        _index = index;
    }

    /// <summary>Its name.</summary>
    public string Name => _index.Entry.Name;

    /// <summary>True where a key has one record at most.</summary>
    public bool IsUnique => _index.Entry.IsUnique;

    /// <summary>True where all records are in it.</summary>
    public bool IsReady => _core.IsReady(_index);

    /// <summary>The records of an index key, in the order of their own keys' bytes.</summary>
    public IEnumerable<KeyValuePair<TKey, TValue>> this[TIndex key]
    {
        get
        {
            byte[] bytes = Bytes(key);
            return Each(() => _core.Map.Scan(
                IndexKeys.From(_index.Entry, bytes), IndexKeys.After(_index.Entry, bytes)));
        }
    }

    /// <summary>The first record of an index key; false where there is none.</summary>
    public bool TryGetFirst(TIndex key, out KeyValuePair<TKey, TValue> record)
    {
        foreach (KeyValuePair<TKey, TValue> first in this[key])
        {
            record = first;
            return true;
        }

        record = default;
        return false;
    }

    /// <summary>How many records have an index key, in O(log n).</summary>
    public long Count(TIndex key)
    {
        byte[] bytes = Bytes(key);
        return _core.Map.CountRange(IndexKeys.From(_index.Entry, bytes), IndexKeys.After(_index.Entry, bytes));
    }

    /// <summary>The records in the rising order of their index keys.</summary>
    /// <exception cref="NotSupportedException">The serializer of the index keys does not keep their order.</exception>
    public IEnumerable<KeyValuePair<TKey, TValue>> Ascending()
    {
        RequireOrder();
        return Each(() => _core.Map.Scan(First, Behind));
    }

    /// <summary>The records in the falling order of their index keys.</summary>
    /// <inheritdoc cref="Ascending" path="/exception"/>
    public IEnumerable<KeyValuePair<TKey, TValue>> Descending()
    {
        RequireOrder();
        return Each(() => _core.Map.ScanDescending(First, Behind));
    }

    /// <summary>The records from one index key on (that one included) up to another one (that one not).</summary>
    /// <inheritdoc cref="Ascending" path="/exception"/>
    public IEnumerable<KeyValuePair<TKey, TValue>> Range(TIndex from, TIndex to)
    {
        RequireOrder();
        (byte[] first, byte[] end) = (Bytes(from), Bytes(to));
        return first.AsSpan().SequenceCompareTo(end) >= 0 ? [] : Each(() => _core.Map.Scan(
            IndexKeys.From(_index.Entry, first), IndexKeys.From(_index.Entry, end)));
    }

    /// <summary>How many records <see cref="Range"/> has, in O(log n).</summary>
    /// <inheritdoc cref="Ascending" path="/exception"/>
    public long CountRange(TIndex from, TIndex to)
    {
        RequireOrder();
        (byte[] first, byte[] end) = (Bytes(from), Bytes(to));
        return first.AsSpan().SequenceCompareTo(end) >= 0 ? 0 : _core.Map.CountRange(
            IndexKeys.From(_index.Entry, first), IndexKeys.From(_index.Entry, end));
    }

    private byte[] First => IndexKeys.First(_index.Entry.Number);

    private byte[] Behind => IndexKeys.Behind(_index.Entry.Number);

    private byte[] Bytes(TIndex key)
    {
        if (!IsReady)
        {
            throw PersistentIndexException.NotReady(_core.Name, Name);
        }

        return _index.BytesOf(key);
    }

    private void RequireOrder()
    {
        if (!IsReady)
        {
            throw PersistentIndexException.NotReady(_core.Name, Name);
        }

        if (!_index.Serializer.KeepsOrder)
        {
            throw new NotSupportedException(
                $"Index '{Name}' of table '{_core.Name}' is in the order of its keys' bytes, and "
                + $"{_index.Serializer.Shape} does not keep the order of the keys.");
        }
    }

    // Begun anew by each enumeration, as an IEnumerable is.
    private IEnumerable<KeyValuePair<TKey, TValue>> Each(Func<SortedMapCursor> begin)
    {
        SortedMapCursor cursor = begin();
        while (cursor.MoveNext())
        {
            (byte[] indexKey, byte[] record) = IndexKeys.Read(_index.Entry, cursor.Current.Key, cursor.Current.Value);
            TKey key = _core.Keys.Read(record);
            if (_core.Records.TryGetValue(key, out TValue? value) && _index.Is(value, indexKey))
            {
                yield return KeyValuePair.Create(key, value);
            }
        }
    }
}
