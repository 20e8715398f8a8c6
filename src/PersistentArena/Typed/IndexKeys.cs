using System.Buffers;

namespace GuestMemFs.Typed;

/// <summary>The keys of an index's entries, in the table's sorted map.</summary>
/// <remarks>
/// The index's number, the index key, and where the index is not unique 0, 1 and the record's key; a 0 within the index
/// key is 0, 255, as in a pair. So the entries of one index key lie together, in the order of the records' keys. The
/// value of a unique index's entry is the record's key; that of another one's is empty.
/// </remarks>
internal static class IndexKeys
{
    private const byte End = 1;
    private const byte Zero = 255;

    /// <summary>Where the entries of an index begin.</summary>
    public static byte[] First(byte number) => [number];

    /// <summary>Where they end.</summary>
    public static byte[] Behind(byte number) => number == byte.MaxValue ? [] : [(byte)(number + 1)];

    /// <summary>The key of an entry.</summary>
    public static byte[] Of(IndexEntry index, ReadOnlySpan<byte> indexKey, ReadOnlySpan<byte> recordKey) =>
        index.IsUnique ? [index.Number, .. indexKey] : [.. Start(index, indexKey), End, .. recordKey];

    /// <summary>Where the entries of an index key and all above it begin.</summary>
    public static byte[] From(IndexEntry index, ReadOnlySpan<byte> indexKey) =>
        index.IsUnique ? [index.Number, .. indexKey] : [.. Start(index, indexKey), End];

    /// <summary>Where the entries of an index key end.</summary>
    public static byte[] After(IndexEntry index, ReadOnlySpan<byte> indexKey) =>
        index.IsUnique ? [index.Number, .. indexKey, 0] : [.. Start(index, indexKey), End + 1];

    /// <summary>The index key and the record's key of an entry.</summary>
    /// <exception cref="FormatException">It is no entry of that index.</exception>
    public static (byte[] IndexKey, byte[] RecordKey) Read(
        IndexEntry index, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (index.IsUnique)
        {
            return (key[1..].ToArray(), value.ToArray());
        }

        ArrayBufferWriter<byte> indexKey = new();
        for (int at = 1; at + 1 < key.Length; at++)
        {
            if (key[at] == 0)
            {
                if (key[at + 1] == End)
                {
                    return (indexKey.WrittenSpan.ToArray(), key[(at + 2)..].ToArray());
                }

                indexKey.Write<byte>([0]);
                at++;
                continue;
            }

            indexKey.Write(key.Slice(at, 1));
        }

        throw new FormatException($"An entry of index '{index.Name}' has {key.Length} bytes and no end of its key.");
    }

    // Number, the key with its zeros marked, and the first byte of its end.
    private static byte[] Start(IndexEntry index, ReadOnlySpan<byte> indexKey)
    {
        ArrayBufferWriter<byte> start = new(indexKey.Length + 2);
        start.Write<byte>([index.Number]);
        foreach (byte one in indexKey)
        {
            start.Write<byte>([one]);
            if (one == 0)
            {
                start.Write<byte>([Zero]);
            }
        }

        start.Write<byte>([0]);
        return start.WrittenSpan.ToArray();
    }
}
