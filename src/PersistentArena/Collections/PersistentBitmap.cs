using System.Numerics;
using System.Runtime.InteropServices;
using GuestMemFs.Collections;

namespace GuestMemFs;

/// <summary>
/// A crash-safe bitmap in a <see cref="PersistentHeap"/>: a bit for each number from 0 on, all of them clear until they
/// are set. Stretches without a set bit take no memory. A change is one store.
/// </summary>
/// <remarks>
/// <para>It lies in chunks of 8,064 bits in a <see cref="PersistentSortedMap"/>.</para>
/// <para>Thread-safe. Reads take no lock and never wait for a writer, in this process or in another one. A count sees
/// each chunk as it was at one instant. Writers of one bitmap take turns.</para>
/// </remarks>
public sealed class PersistentBitmap
{
    private const int ChunkBytes = 1008;
    private const int ChunkBits = ChunkBytes * 8;

    private readonly PersistentSortedMap _map;

    private PersistentBitmap(PersistentSortedMap map) => _map = map;

    /// <summary>Bytes that the chunks' blocks take.</summary>
    public long RecordBytes => _map.RecordBytes;

    /// <summary>Opens the bitmap of that name (1 to 31 bytes of UTF-8) in the heap, or creates it.</summary>
    /// <exception cref="HeapLayoutException">The name is taken by something else.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for a new one.</exception>
    /// <exception cref="AtomicGroupException">It is not there, and this thread has a group open.</exception>
    public static PersistentBitmap OpenOrCreate(PersistentHeap heap, string name) =>
        new(PersistentSortedMap.OpenAs(heap, name, TreeKind.Bitmap));

    /// <summary>True where the bit is set.</summary>
    public bool Get(long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        Span<byte> key = stackalloc byte[sizeof(long)];
        BitReader bit = new((int)(index % ChunkBits));
        return _map.TryRead(ByteChunks.KeyOf(index / ChunkBits, key), ref bit) && bit.IsSet;
    }

    /// <summary>Sets or clears a bit; returns what it was.</summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public bool Set(long index, bool value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        Span<byte> key = stackalloc byte[sizeof(long)];
        BitWriter bit = new((int)(index % ChunkBits), value);
        _map.Mutate(ByteChunks.KeyOf(index / ChunkBits, key), ref bit);
        return bit.Old;
    }

    /// <summary>How many bits are set from one on, up to another one.</summary>
    /// <param name="from">The first bit that counts.</param>
    /// <param name="to">The first one behind it that does not.</param>
    public long Count(long from = 0, long to = long.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        long count = 0;
        SortedMapCursor chunks = ChunksFrom(from);
        while (from < to && chunks.MoveNext() && ByteChunks.ChunkOf(chunks.Current.Key) is var chunk
            && chunk <= (to - 1) / ChunkBits)
        {
            int first = chunk == from / ChunkBits ? (int)(from % ChunkBits) : 0;
            int end = chunk == (to - 1) / ChunkBits ? (int)((to - 1) % ChunkBits) + 1 : ChunkBits;
            count += CountBits(chunks.Current.Value, end) - CountBits(chunks.Current.Value, first);
        }

        return count;
    }

    /// <summary>The first set bit from one on; false where there is none.</summary>
    public bool TryGetNext(long from, out long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        SortedMapCursor chunks = ChunksFrom(from);
        while (chunks.MoveNext())
        {
            long chunk = ByteChunks.ChunkOf(chunks.Current.Key);
            int bit = NextBit(chunks.Current.Value, chunk == from / ChunkBits ? (int)(from % ChunkBits) : 0);
            if (bit >= 0)
            {
                index = (chunk * ChunkBits) + bit;
                return true;
            }
        }

        index = 0;
        return false;
    }

    private SortedMapCursor ChunksFrom(long from)
    {
        Span<byte> key = stackalloc byte[sizeof(long)];
        return _map.Scan(ByteChunks.KeyOf(from / ChunkBits, key));
    }

    private static long CountBits(ReadOnlySpan<byte> bytes, int bits)
    {
        ReadOnlySpan<byte> whole = bytes[..(bits / 8)];
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(whole);
        long count = 0;
        foreach (ulong word in words)
        {
            count += BitOperations.PopCount(word);
        }

        foreach (byte rest in whole[(words.Length * sizeof(ulong))..])
        {
            count += BitOperations.PopCount(rest);
        }

        return count + (bits % 8 == 0 ? 0 : BitOperations.PopCount(bytes[bits / 8] & ((1u << (bits % 8)) - 1)));
    }

    private static int NextBit(ReadOnlySpan<byte> bytes, int from)
    {
        int at = from / 8;
        int rest = bytes[at] >> (from % 8);
        if (rest != 0)
        {
            return from + BitOperations.TrailingZeroCount(rest);
        }

        int further = bytes[(at + 1)..].IndexOfAnyExcept((byte)0);
        return further < 0 ? -1
            : ((at + 1 + further) * 8) + BitOperations.TrailingZeroCount(bytes[at + 1 + further]);
    }

    private struct BitReader(int bit) : IRecordReader
    {
        public bool IsSet { get; private set; }

        public void Read(in RecordView record) =>
            IsSet = record.Value.Length == ChunkBytes && (record.Value[bit / 8] & (1 << (bit % 8))) != 0;
    }

    // A chunk whose last bit goes is removed.
    private struct BitWriter(int bit, bool value) : IRecordMutation
    {
        public bool Old { get; private set; }

        private readonly int At => bit / 8;

        private readonly byte Mask => (byte)(1 << (bit % 8));

        public RecordChange Decide(in RecordView current)
        {
            ReadOnlySpan<byte> bytes = current.Exists ? current.Value : default;
            Old = current.Exists && (bytes[At] & Mask) != 0;
            return Old == value ? RecordChange.None
                : !value && IsLast(bytes) ? RecordChange.Remove()
                : RecordChange.Put(ChunkBytes);
        }

        public readonly void Write(in RecordView current, Span<byte> bytes)
        {
            if (current.Exists)
            {
                current.Value.CopyTo(bytes);
            }
            else
            {
                bytes.Clear();
            }

            bytes[At] ^= Mask;
        }

        private readonly bool IsLast(ReadOnlySpan<byte> bytes) => bytes[At] == Mask
            && !bytes[..At].ContainsAnyExcept((byte)0) && !bytes[(At + 1)..].ContainsAnyExcept((byte)0);
    }
}
