using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>A pattern of BY or GET: a key with the element in place of its star, or a field of such a hash.</summary>
internal static class SortPattern
{
    /// <summary>What the pattern names for an element; null where there is nothing. <c>#</c> is the element.</summary>
    public static byte[]? Find(in Call call, ReadOnlySpan<byte> pattern, byte[] element)
    {
        if (pattern.SequenceEqual("#"u8))
        {
            return element;
        }

        int star = pattern.IndexOf((byte)'*');
        if (star < 0)
        {
            return null;
        }

        ReadOnlySpan<byte> rest = pattern[(star + 1)..];
        int arrow = rest.IndexOf("->"u8);
        bool hasField = arrow >= 0 && arrow + 2 < rest.Length;
        byte[] key = [.. pattern[..star], .. element, .. hasField ? rest[..arrow] : rest];
        if (key.Length > PersistentDictionary.MaximumKeyLength)
        {
            return null; // no key is so long
        }

        return hasField ? FindField(call, key, rest[(arrow + 2)..]) : FindString(call, key);
    }

    private static byte[]? FindField(in Call call, byte[] key, ReadOnlySpan<byte> field)
    {
        FieldMap hash = call.Engine.Hash;
        bool isHash = hash.TryOpen(key);
        call.Looked(!isHash || hash.Exists, key);
        return isHash && hash.TryGet(field, out ReadOnlySpan<byte> value) ? value.ToArray() : null;
    }

    private static byte[]? FindString(in Call call, byte[] key)
    {
        var reader = new Reader(call.Engine.Keyspace);
        bool found = call.Keys.TryRead(key, ref reader);
        call.Looked(found, key);
        return found ? reader.Value : null;
    }

    private struct Reader(Keyspace keyspace) : IRecordReader
    {
        public byte[]? Value { get; private set; }

        public void Read(in RecordView record)
        {
            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            Value = StringValue.IsWrong(record) ? null : StringValue.Of(record, keyspace, scratch).ToArray();
        }
    }
}
