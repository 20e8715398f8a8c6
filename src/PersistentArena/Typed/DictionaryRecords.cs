using System.Buffers;

namespace GuestMemFs.Typed;

internal sealed class DictionaryRecords(PersistentDictionary dictionary) : IByteRecords
{
    public long Count => dictionary.Count;

    public bool TryCopy(ReadOnlySpan<byte> key, ArrayBufferWriter<byte> to)
    {
        CopyTo reader = new(to);
        return dictionary.TryRead(key, ref reader);
    }

    public bool ContainsKey(ReadOnlySpan<byte> key) => dictionary.ContainsKey(key);

    public void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset? expiresAt) =>
        dictionary.Set(key, value, expiresAt);

    public bool TryAdd(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset? expiresAt) =>
        dictionary.TryAdd(key, value, expiresAt);

    public bool TryUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ReadOnlySpan<byte> comparand) =>
        dictionary.TryUpdate(key, value, comparand);

    public bool Expire(ReadOnlySpan<byte> key, DateTimeOffset? expiresAt) => dictionary.Expire(key, expiresAt);

    public bool Remove(ReadOnlySpan<byte> key) => dictionary.Remove(key);

    public bool TryTake(ReadOnlySpan<byte> key, ArrayBufferWriter<byte> to)
    {
        TakeOut taken = new(to);
        dictionary.Mutate(key, ref taken);
        return taken.Done;
    }
}
