using GuestMemFs;
using KvStore.Protocol;

namespace KvStore.Engine;

/// <summary>
/// A string's value, wherever it lies: in its record, or in chunks that its record owns.
/// The one way to a string's bytes. Good as long as the record's view is.
/// </summary>
internal readonly ref struct StringValue
{
    private readonly ReadOnlySpan<byte> _whole;
    private readonly PersistentBytes? _chunks;

    private StringValue(ReadOnlySpan<byte> whole)
    {
        _whole = whole;
        Length = whole.Length;
    }

    private StringValue(PersistentBytes chunks)
    {
        _chunks = chunks;
        Length = chunks.Length;
    }

    /// <summary>The number of bytes.</summary>
    public long Length { get; }

    /// <summary>True where there is a record, and it is no string.</summary>
    public static bool IsWrong(in RecordView record) =>
        record.Exists && record.Type is not (RecordType.String or RecordType.Bytes);

    /// <summary>
    /// The value of a string's record, none where there is no record; an integer is written into
    /// <paramref name="scratch"/> (<see cref="Numbers.MaxIntegerLength"/>) first.
    /// </summary>
    public static StringValue Of(in RecordView record, Keyspace keyspace, Span<byte> scratch) =>
        !record.Exists ? default
        : record.IsInteger ? new StringValue(scratch[..Numbers.Format(record.Integer, scratch)])
        : record.Type == RecordType.Bytes ? OfChunks(record, keyspace)
        : new StringValue(record.Value);

    /// <summary>The length of a string's record; 0 where there is no record.</summary>
    public static long LengthOf(in RecordView record, Keyspace keyspace) =>
        record.IsInteger ? Numbers.Length(record.Integer)
        : record.Type == RecordType.Bytes ? OfChunks(record, keyspace).Length
        : record.Value.Length;

    /// <summary>
    /// Copies what a string has that is in one piece, as all are that are no large ones; behind its end are zeros.
    /// </summary>
    /// <param name="record">The string's record, or none.</param>
    /// <param name="to">Where to; at least as long.</param>
    public static void CopyWhole(in RecordView record, Span<byte> to)
    {
        int count;
        if (record.IsInteger)
        {
            count = Numbers.Format(record.Integer, to);
        }
        else
        {
            ReadOnlySpan<byte> value = record.Value;
            value.CopyTo(to);
            count = value.Length;
        }

        to[count..].Clear();
    }

    /// <summary>Writes the value of a string's record as a bulk string.</summary>
    public static void Reply(RespWriter reply, in RecordView record, Keyspace keyspace)
    {
        if (record.IsInteger)
        {
            reply.BulkInteger(record.Integer);
        }
        else if (record.Type == RecordType.Bytes)
        {
            StringValue value = OfChunks(record, keyspace);
            value.Reply(reply, 0, value.Length);
        }
        else
        {
            reply.Bulk(record.Value);
        }
    }

    /// <summary>Writes a part of it as a bulk string.</summary>
    public void Reply(RespWriter reply, long from, long count)
    {
        if (_chunks is null)
        {
            reply.Bulk(_whole.Slice((int)from, (int)count));
            return;
        }

        var source = new ChunkSource(_chunks, from);
        reply.Bulk(count, ref source);
    }

    /// <summary>Copies bytes from an offset on; behind the end they are zeros.</summary>
    /// <returns>How many there are.</returns>
    public int CopyTo(long from, Span<byte> to)
    {
        int count = (int)Math.Clamp(Length - from, 0, to.Length);
        if (_chunks is not null)
        {
            _chunks.Read(from, to[..count]);
        }
        else if (count > 0)
        {
            _whole.Slice((int)from, count).CopyTo(to);
        }

        to[count..].Clear();
        return count;
    }

    /// <summary>All bytes.</summary>
    public byte[] ToArray()
    {
        byte[] all = new byte[Length];
        CopyTo(0, all);
        return all;
    }

    /// <summary>All bytes, without a copy where they lie in one piece.</summary>
    public ReadOnlySpan<byte> AsSpan() => _chunks is null ? _whole : ToArray();

    /// <summary>The pieces of a part of it, one after the other.</summary>
    public StringPieces Pieces(long from, long count) =>
        _chunks is null
            ? new StringPieces(_whole.Slice((int)from, (int)count))
            : new StringPieces(_chunks, from, count);

    private static StringValue OfChunks(in RecordView record, Keyspace keyspace) =>
        NestedCollections.TryGetReference(record, out long id)
            ? new StringValue(keyspace.OpenNested().Bytes(id))
            : throw new StoreException("A string's record names no chunks. Nothing was changed. Restore a backup.");

    private struct ChunkSource(PersistentBytes chunks, long from) : IBulkSource
    {
        private long _at = from;

        public void Read(Span<byte> to)
        {
            chunks.Read(_at, to);
            _at += to.Length;
        }
    }
}

/// <summary>Pieces of a string, one after the other; each is good until the next one.</summary>
internal ref struct StringPieces
{
    private const int Longest = 64 << 10;

    private readonly PersistentBytes? _chunks;
    private readonly byte[] _room = [];
    private ReadOnlySpan<byte> _whole;
    private long _at;
    private long _left;

    public StringPieces(ReadOnlySpan<byte> whole) => _whole = whole;

    public StringPieces(PersistentBytes chunks, long from, long count)
    {
        _chunks = chunks;
        _room = new byte[Math.Min(count, Longest)];
        _at = from;
        _left = count;
    }

    public ReadOnlySpan<byte> Current { get; private set; }

    /// <summary>Goes to the next piece; false where none is left.</summary>
    public bool MoveNext()
    {
        if (_chunks is null)
        {
            Current = _whole;
            _whole = default;
            return !Current.IsEmpty;
        }

        Span<byte> piece = _room.AsSpan(0, (int)Math.Min(_left, _room.Length));
        _chunks.Read(_at, piece);
        _at += piece.Length;
        _left -= piece.Length;
        Current = piece;
        return !piece.IsEmpty;
    }
}
