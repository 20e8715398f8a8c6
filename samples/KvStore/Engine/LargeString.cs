using GuestMemFs;
using KvStore.Protocol;

namespace KvStore.Engine;

/// <summary>
/// A long string that was changed by ranges: chunks that its record owns, of which a change writes those that it
/// touches, and no others. SET writes a record with the whole value, which becomes such a string with its first change
/// by a range: that is one copy for each value that a client sent.
/// </summary>
/// <remarks>Under the engine's gate. One that SETRANGE or SETBIT made longer has no chunks where nothing was written.
/// </remarks>
internal static class LargeString
{
    /// <summary>
    /// From this length on. A shorter value is a block of a slab, and a change copies it: that takes no longer than a
    /// round trip does, and reads have it in one piece.
    /// </summary>
    public const int Least = 128 << 10;

    private const int CopiedAtATime = 1 << 20;

    /// <summary>True where a record has all the bytes of a string that is as long as a large one.</summary>
    public static bool IsWhole(in RecordView record) =>
        record.Type == RecordType.String && !record.IsInteger && record.Value.Length >= Least;

    /// <summary>True where a change by a range that leaves a string so long is one of chunks.</summary>
    public static bool IsOne(in RecordView current, long length) =>
        length >= Least || current.Type == RecordType.Bytes;

    /// <summary>
    /// Writes over a part of the string of a key, or behind its end, all or nothing. It is a string or absent, and
    /// becomes a large one.
    /// </summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public static void Write(Keyspace keyspace, ReadOnlySpan<byte> key, long offset, ReadOnlySpan<byte> bytes)
    {
        long id = Open(keyspace, key, out FactsReader before);
        keyspace.OpenNested().Bytes(id).Write(offset, bytes);
        Complete(keyspace, key, before, id);
    }

    /// <summary>The same with several parts.</summary>
    /// <inheritdoc cref="Write(Keyspace, ReadOnlySpan{byte}, long, ReadOnlySpan{byte})" path="/exception"/>
    public static void Write(
        Keyspace keyspace, ReadOnlySpan<byte> key, ReadOnlySpan<(long Offset, ReadOnlyMemory<byte> Bytes)> parts)
    {
        long id = Open(keyspace, key, out FactsReader before);
        keyspace.OpenNested().Bytes(id).Write(parts);
        Complete(keyspace, key, before, id);
    }

    /// <summary>
    /// A string that is as long as a large one becomes one: its record is moved without its bytes then.
    /// </summary>
    public static void Convert(Keyspace keyspace, ReadOnlySpan<byte> key)
    {
        FactsReader facts = default;
        if (keyspace.Keys.TryRead(key, ref facts) && facts.Type == RecordType.String && facts.Id == 0
            && facts.LengthIn(keyspace.Nested) >= Least)
        {
            Write(keyspace, key, 0, default);
        }
    }

    // The chunks that its record names, or new ones with what it has.
    private static long Open(Keyspace keyspace, ReadOnlySpan<byte> key, out FactsReader facts)
    {
        facts = default;
        keyspace.Keys.TryRead(key, ref facts);
        return facts.Id != 0 ? facts.Id : Begin(keyspace, key, facts);
    }

    // Nothing shows the chunks before a record names them: what fails leaves the string as it was.
    private static long Begin(Keyspace keyspace, ReadOnlySpan<byte> key, in FactsReader before)
    {
        NestedCollections nested = keyspace.OpenNested();
        long length = before.LengthIn(nested);
        long id = nested.BeginBytes(key);
        PersistentBytes chunks = nested.Bytes(id);
        byte[] room = new byte[Math.Min(length, CopiedAtATime)];
        for (long at = 0; at < length; at += room.Length)
        {
            PieceReader piece = new(keyspace, at, room);
            keyspace.Keys.TryRead(key, ref piece);
            chunks.Write(at, room.AsSpan(0, piece.Count));
        }

        return id;
    }

    private static void Complete(Keyspace keyspace, ReadOnlySpan<byte> key, in FactsReader before, long id)
    {
        if (id == before.Id)
        {
            return; // its chunks are what changed
        }

        NestedCollections nested = keyspace.OpenNested();
        if (before.ExpiresAt != RecordView.NoExpiry)
        {
            nested.BeforeExpiry(id, WallClock.At(before.ExpiresAt));
        }

        NameChunks name = new(id, before.ExpiresAt);
        keyspace.Keys.Mutate(key, ref name);
        nested.Complete(id);
    }

    private struct PieceReader(Keyspace keyspace, long from, byte[] room) : IRecordReader
    {
        public int Count { get; private set; }

        public void Read(in RecordView record)
        {
            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            Count = StringValue.Of(record, keyspace, scratch).CopyTo(from, room);
        }
    }

    private readonly struct NameChunks(long id, long expiresAt) : IRecordMutation
    {
        public static bool ReadsCurrent => false;

        public RecordChange Decide(in RecordView current) =>
            RecordChange.Put(NestedCollections.ReferenceLength, expiresAt, RecordType.Bytes);

        public void Write(in RecordView current, Span<byte> value) => NestedCollections.WriteReference(value, id);
    }
}
