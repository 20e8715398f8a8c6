using System.Buffers;

namespace GuestMemFs.Typed;

internal sealed class SortedMapRecords(PersistentSortedMap map) : IByteRecords
{
    public long Count => map.Count;

    public bool TryCopy(ReadOnlySpan<byte> key, ArrayBufferWriter<byte> to)
    {
        CopyTo reader = new(to);
        return map.TryRead(key, ref reader);
    }

    public bool ContainsKey(ReadOnlySpan<byte> key) => map.ContainsKey(key);

    public void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset? expiresAt) =>
        map.Set(key, value, expiresAt);

    public bool TryAdd(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset? expiresAt) =>
        map.TryAdd(key, value, expiresAt);

    public bool TryUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ReadOnlySpan<byte> comparand) =>
        map.TryUpdate(key, value, comparand);

    public bool Expire(ReadOnlySpan<byte> key, DateTimeOffset? expiresAt) => map.Expire(key, expiresAt);

    public bool Remove(ReadOnlySpan<byte> key) => map.Remove(key);

    public bool TryTake(ReadOnlySpan<byte> key, ArrayBufferWriter<byte> to)
    {
        TakeOut taken = new(to);
        map.Mutate(key, ref taken);
        return taken.Done;
    }
}
