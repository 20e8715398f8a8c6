using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>
/// A <see cref="PersistentDictionary"/> of typed keys and values, which <see cref="PersistentCollections"/> opens.
/// </summary>
/// <inheritdoc cref="PersistentMap{TKey, TValue}"/>
public sealed class PersistentDictionary<TKey, TValue> : PersistentMap<TKey, TValue>
    where TKey : notnull
{
    private const int BucketsAtOnce = 16;

    internal PersistentDictionary(
        PersistentDictionary bytes, IPersistentSerializer<TKey> keys, IPersistentSerializer<TValue> values)
        : base(bytes, keys, values) => Bytes = bytes;

    /// <summary>
    /// The dictionary of bytes that holds it: for scans by cursor, expiry sweeps, groups. What is written there has to
    /// have the serializers' form.
    /// </summary>
    public PersistentDictionary Bytes { get; }

    /// <summary>Removes everything: <see cref="PersistentDictionary.Clear"/>.</summary>
    public void Clear() => Bytes.Clear();

    /// <summary>
    /// Walks the records, in no order. What is there from the beginning to the end is seen at least once, whatever
    /// grows meanwhile; what comes or goes meanwhile may be or not. No lock is held while the caller has a record.
    /// </summary>
    public override IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator()
    {
        List<(byte[] Key, byte[] Value)> page = [];
        ulong cursor = 0;
        do
        {
            page.Clear();
            CollectInto visitor = new(page);
            cursor = Bytes.Scan(cursor, BucketsAtOnce, ref visitor);
            foreach ((byte[] key, byte[] value) in page)
            {
                yield return KeyValuePair.Create(Keys.Read(key), Values.Read(value));
            }
        }
        while (cursor != 0);
    }
}
