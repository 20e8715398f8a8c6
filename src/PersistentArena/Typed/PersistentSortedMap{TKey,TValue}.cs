using System.Diagnostics.CodeAnalysis;
using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>
/// A <see cref="PersistentSortedMap"/> of typed keys and values, in the order of the keys, which
/// <see cref="PersistentCollections"/> opens.
/// </summary>
/// <inheritdoc cref="PersistentMap{TKey, TValue}"/>
public sealed class PersistentSortedMap<TKey, TValue> : PersistentMap<TKey, TValue>
    where TKey : notnull
{
    internal PersistentSortedMap(
        PersistentSortedMap bytes, IPersistentSerializer<TKey> keys, IPersistentSerializer<TValue> values)
        : base(bytes, keys, values) => Bytes = bytes;

    /// <summary>
    /// The sorted map of bytes that holds it: for cursors that copy nothing more, expiry sweeps, groups. What is
    /// written there has to have the serializers' form.
    /// </summary>
    public PersistentSortedMap Bytes { get; }

    /// <summary>The entries in rising order of their keys. See <see cref="SortedMapCursor"/>.</summary>
    public override IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator() =>
        Each(() => Bytes.Scan()).GetEnumerator();

    /// <summary>The entries from a key on (that one included), in rising order.</summary>
    public IEnumerable<KeyValuePair<TKey, TValue>> From(TKey from)
    {
        byte[] first = Copy(from);
        return Each(() => Bytes.Scan(first));
    }

    /// <summary>
    /// The entries from a key on (that one included) up to another one (that one not), in rising order.
    /// </summary>
    public IEnumerable<KeyValuePair<TKey, TValue>> Range(TKey from, TKey to)
    {
        (byte[] first, byte[] end) = (Copy(from), Copy(to));
        return end.Length == 0 ? [] : Each(() => Bytes.Scan(first, end)); // No key is below one without bytes.
    }

    /// <summary>All entries in falling order.</summary>
    public IEnumerable<KeyValuePair<TKey, TValue>> Descending() => Each(() => Bytes.ScanDescending());

    /// <summary>
    /// The entries of the same range as <see cref="Range"/>'s in falling order, from the last one on.
    /// </summary>
    public IEnumerable<KeyValuePair<TKey, TValue>> RangeDescending(TKey from, TKey to)
    {
        (byte[] first, byte[] end) = (Copy(from), Copy(to));
        return end.Length == 0 ? [] : Each(() => Bytes.ScanDescending(first, end));
    }

    /// <summary>The entry with the lowest key; false where there is none.</summary>
    public bool TryGetFirst(out KeyValuePair<TKey, TValue> entry) =>
        Convert(Bytes.TryGetFirst(out KeyValuePair<byte[], byte[]> found), found, out entry);

    /// <summary>The entry with the highest key; false where there is none.</summary>
    public bool TryGetLast(out KeyValuePair<TKey, TValue> entry) =>
        Convert(Bytes.TryGetLast(out KeyValuePair<byte[], byte[]> found), found, out entry);

    /// <summary>The entry of a key, or the next one below; false where there is none.</summary>
    public bool TryGetFloor(TKey key, out KeyValuePair<TKey, TValue> entry)
    {
        using Scratch bytes = BytesOf(key);
        return Convert(Bytes.TryGetFloor(bytes.Written, out KeyValuePair<byte[], byte[]> found), found, out entry);
    }

    /// <summary>The entry of a key, or the next one above; false where there is none.</summary>
    public bool TryGetCeiling(TKey key, out KeyValuePair<TKey, TValue> entry)
    {
        using Scratch bytes = BytesOf(key);
        return Convert(Bytes.TryGetCeiling(bytes.Written, out KeyValuePair<byte[], byte[]> found), found, out entry);
    }

    /// <summary>
    /// How many entries have a key below this one, in O(log n); see <see cref="PersistentSortedMap.Rank"/>.
    /// </summary>
    public long Rank(TKey key)
    {
        using Scratch bytes = BytesOf(key);
        return Bytes.Rank(bytes.Written);
    }

    /// <summary>How many entries <see cref="Range"/> has, in O(log n).</summary>
    public long CountRange(TKey from, TKey to) => Math.Max(0, Rank(to) - Rank(from));

    /// <summary>The entry with so many keys below it, in O(log n); false where there are not so many.</summary>
    public bool TryGetAt(long rank, out KeyValuePair<TKey, TValue> entry) =>
        Convert(Bytes.TryGetAt(rank, out KeyValuePair<byte[], byte[]> found), found, out entry);

    private byte[] Copy(TKey key)
    {
        using Scratch bytes = BytesOf(key);
        return bytes.Written.ToArray();
    }

    private bool Convert(bool found, KeyValuePair<byte[], byte[]> bytes, out KeyValuePair<TKey, TValue> entry)
    {
        entry = found ? KeyValuePair.Create(Keys.Read(bytes.Key), Values.Read(bytes.Value)) : default;
        return found;
    }

    // Begun anew by each enumeration, as an IEnumerable is.
    private IEnumerable<KeyValuePair<TKey, TValue>> Each(Func<SortedMapCursor> begin)
    {
        SortedMapCursor cursor = begin();
        while (cursor.MoveNext())
        {
            yield return KeyValuePair.Create(Keys.Read(cursor.Current.Key), Values.Read(cursor.Current.Value));
        }
    }
}
