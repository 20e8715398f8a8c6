using System.Buffers.Binary;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// A long run of bytes as chunks of a sorted map: the key of a chunk is its number, the highest byte first. What a
/// chunk does not have, or one that is not there, is zeros; the last chunk says where all ends. A change of one chunk
/// is one store, one of several a group.
/// </summary>
/// <param name="map">The sorted map.</param>
/// <param name="chunkLength">Of a whole chunk; with key and header it fills a block.</param>
/// <param name="prefix">What all of its keys begin with, where the map has other entries too.</param>
internal sealed unsafe class ByteChunks(PersistentSortedMap map, int chunkLength, byte[] prefix)
{
    /// <summary>Longest key of a chunk, in bytes.</summary>
    private const int LongestKey = 32;

    private readonly byte[]? _end = prefix.Length == 0 ? null : PersistentSortedMapSection.Behind(prefix);

    /// <summary>The end of the last chunk.</summary>
    public long Length => ReadEnd(map.Core.Reader);

    /// <summary>Bytes that the chunks' blocks take; beside other entries, as if each chunk were whole.</summary>
    public long RecordBytes => prefix.Length == 0 ? map.RecordBytes
        : map.CountRange(prefix, _end) * SizeClasses.Taken(
            RecordFormat.Length(flags: 0, prefix.Length + sizeof(long), chunkLength));

    public PersistentSortedMap Map => map;

    private int ChunkLength => chunkLength;

    /// <summary>Copies bytes up to the end; returns how many.</summary>
    /// <remarks>
    /// The end may come nearer between the look at it and at the bytes. Without a second look: zeros that never were
    /// there. The last chunk has all of its bytes, so zeros in it say so too.
    /// </remarks>
    public int ReadToEnd(long offset, Span<byte> to)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        for (SpinWait spin = default; ; spin.SpinOnce())
        {
            long end = Length;
            int count = (int)Math.Clamp(end - offset, 0, to.Length);
            long absent = Read(offset, to[..count]);
            if (absent < 0 || (absent != (end - 1) / chunkLength && Length >= offset + count))
            {
                return count;
            }
        }
    }

    /// <summary>Copies bytes of any chunks; what is not there are zeros. The last chunk that has not all of them; -1
    /// for none.</summary>
    private long Read(long offset, Span<byte> to)
    {
        byte* room = stackalloc byte[LongestKey];
        Span<byte> key = new(room, LongestKey);
        long absent = -1;
        while (!to.IsEmpty)
        {
            int within = (int)(offset % chunkLength);
            Span<byte> part = to[..Math.Min(to.Length, chunkLength - within)];
            ReadPart read = new(within, part);
            map.TryRead(Key(offset / chunkLength, key), ref read);
            if (read.Count < part.Length)
            {
                part[read.Count..].Clear();
                absent = offset / chunkLength;
            }

            offset += part.Length;
            to = to[part.Length..];
        }

        return absent;
    }

    /// <summary>Writes bytes over any chunks, all or nothing.</summary>
    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        CheckEnd(offset, bytes.Length);
        if (bytes.IsEmpty)
        {
            return;
        }

        if ((offset % chunkLength) + bytes.Length <= chunkLength)
        {
            WritePart(offset, bytes);
            return;
        }

        using JoinedGroup group = map.Core.Heap.BeginOrJoin(Chunks(offset, bytes.Length));
        WriteParts(offset, bytes);
        group.Commit();
    }

    /// <summary>Writes several runs of bytes, one after the other, all or nothing.</summary>
    public void Write(ReadOnlySpan<(long Offset, ReadOnlyMemory<byte> Bytes)> parts)
    {
        int chunks = 0;
        foreach ((long offset, ReadOnlyMemory<byte> bytes) in parts)
        {
            CheckEnd(offset, bytes.Length);
            chunks += bytes.IsEmpty ? 0 : Chunks(offset, bytes.Length);
        }

        using JoinedGroup group = map.Core.Heap.BeginOrJoin(chunks);
        foreach ((long offset, ReadOnlyMemory<byte> bytes) in parts)
        {
            WriteParts(offset, bytes.Span);
        }

        group.Commit();
    }

    /// <summary>Writes bytes behind the end, all or nothing; returns where they begin.</summary>
    public long Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return Length;
        }

        EndOfChunks end = new(this, bytes.Length);
        AppendPart part = new(bytes);
        if (map.MutateChosen(ref end, ref part))
        {
            return end.Offset;
        }

        using JoinedGroup group = map.Core.Heap.BeginOrJoin(Chunks(0, bytes.Length) + 1);
        long offset = Length;
        CheckEnd(offset, bytes.Length);
        WriteParts(offset, bytes);
        group.Commit();
        return offset;
    }

    /// <summary>Puts the end somewhere else: behind it zeros come, or what is there goes.</summary>
    public void SetLength(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        byte[] key = new byte[LongestKey];
        long last = length == 0 ? -1 : (length - 1) / chunkLength;
        using (JoinedGroup group = map.Core.Heap.BeginOrJoin())
        {
            SortedMapCursor beyond = map.Scan(Key(last + 1, key), _end);
            while (beyond.MoveNext())
            {
                map.Remove(beyond.Current.Key);
            }

            if (length > 0)
            {
                ResizePart resize = new((int)(length - (last * chunkLength)));
                map.Mutate(Key(last, key), ref resize);
            }

            group.Commit();
        }

        map.Core.Writer.Thin(Key(last + 1, key));
    }

    /// <summary>A chunk's key.</summary>
    public static Span<byte> KeyOf(long chunk, Span<byte> key)
    {
        BinaryPrimitives.WriteInt64BigEndian(key, chunk);
        return key[..sizeof(long)];
    }

    /// <summary>A key's chunk.</summary>
    public static long ChunkOf(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadInt64BigEndian(key);

    /// <exception cref="ArgumentOutOfRangeException">An end would be behind the last number that there is.</exception>
    private static void CheckEnd(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, long.MaxValue - offset);
    }

    private int Chunks(long offset, int length) => (int)(((offset % chunkLength) + length - 1) / chunkLength) + 1;

    private ReadOnlySpan<byte> Key(long chunk, Span<byte> room)
    {
        prefix.CopyTo(room);
        KeyOf(chunk, room[prefix.Length..]);
        return room[..(prefix.Length + sizeof(long))];
    }

    private long ReadEnd(SortedMapReader reader)
    {
        if (_end is not null)
        {
            SortedBatch end = new(_end, includesStart: false, prefix, descends: true, limit: 1) { OmitsValues = true };
            reader.Fill(end);
            return end.Count == 0 ? 0 : End(end.Key(0)[prefix.Length..], end.ValueLength(0));
        }

        Span<byte> room = stackalloc byte[sizeof(long)];
        CopyKey last = new(room);
        return reader.TryReadEnd(last: true, ref last) ? End(last.Key, last.ValueLength) : 0;
    }

    private long End(ReadOnlySpan<byte> key, int length) => (ChunkOf(key) * chunkLength) + length;

    private void WriteParts(long offset, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int part = Math.Min(bytes.Length, chunkLength - (int)(offset % chunkLength));
            WritePart(offset, bytes[..part]);
            offset += part;
            bytes = bytes[part..];
        }
    }

    private void WritePart(long offset, ReadOnlySpan<byte> bytes)
    {
        byte* room = stackalloc byte[LongestKey];
        PutPart put = new((int)(offset % chunkLength), bytes);
        map.Mutate(Key(offset / chunkLength, new Span<byte>(room, LongestKey)), ref put);
    }

    /// <summary>The chunk behind whose bytes so many more have room: the last one, or the next.</summary>
    private struct EndOfChunks(ByteChunks chunks, int length) : IKeyChoice
    {
        public long Offset { get; private set; }

        public bool TryChoose(SortedMapReader map, Span<byte> room, out ReadOnlySpan<byte> key)
        {
            Offset = chunks.ReadEnd(map);
            CheckEnd(Offset, length);
            key = chunks.Key(Offset / chunks.ChunkLength, room);
            return (Offset % chunks.ChunkLength) + length <= chunks.ChunkLength;
        }
    }

    private ref struct ReadPart(int within, Span<byte> to) : IRecordReader
    {
        private readonly Span<byte> _to = to;

        /// <summary>Bytes that were there.</summary>
        public int Count { get; private set; }

        public void Read(in RecordView record)
        {
            ReadOnlySpan<byte> there = record.Value[Math.Min(within, record.Value.Length)..];
            Count = Math.Min(there.Length, _to.Length);
            there[..Count].CopyTo(_to);
        }
    }

    private readonly ref struct PutPart(int within, ReadOnlySpan<byte> bytes) : IRecordMutation
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;

        public RecordChange Decide(in RecordView current) =>
            RecordChange.Put(Math.Max(current.Exists ? current.Value.Length : 0, within + _bytes.Length));

        public void Write(in RecordView current, Span<byte> value)
        {
            Copy(current, value);
            _bytes.CopyTo(value[within..]);
        }
    }

    private readonly ref struct AppendPart(ReadOnlySpan<byte> bytes) : IRecordMutation
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;

        public RecordChange Decide(in RecordView current) =>
            RecordChange.Put((current.Exists ? current.Value.Length : 0) + _bytes.Length);

        public void Write(in RecordView current, Span<byte> value)
        {
            Copy(current, value);
            _bytes.CopyTo(value[^_bytes.Length..]);
        }
    }

    private readonly struct ResizePart(int length) : IRecordMutation
    {
        public RecordChange Decide(in RecordView current) =>
            current.Exists && current.Value.Length == length ? RecordChange.None : RecordChange.Put(length);

        public void Write(in RecordView current, Span<byte> value) => Copy(current, value);
    }

    // The old bytes as far as there is room, and zeros behind them.
    private static void Copy(in RecordView current, Span<byte> value)
    {
        ReadOnlySpan<byte> old = current.Exists ? current.Value : default;
        int count = Math.Min(old.Length, value.Length);
        old[..count].CopyTo(value);
        value[count..].Clear();
    }
}
