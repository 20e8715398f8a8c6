using System.Runtime.CompilerServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// A block of a log's entries, one behind the other. Up to where they are true is one word: an append stores it.
/// </summary>
/// <remarks>
/// <para>An entry: length and checksum (a word), two words of id, the bytes, up to a multiple of eight. The checksum is
/// over where it lies, length, id and bytes.</para>
/// <para>From the block's end downwards lie marks: sealed places of each 32nd entry. So an entry is found by its number
/// at once, and by its id with a binary search.</para>
/// </remarks>
internal readonly unsafe struct LogSegment(byte* heap, long offset, long size)
{
    /// <summary>Longest value of an entry.</summary>
    public const int MaximumEntryLength = 512 << 20;

    /// <summary>Bytes before the first entry.</summary>
    public const int HeadLength = 32;

    /// <summary>Bytes of an entry before its value.</summary>
    public const int EntryHeadLength = 24;

    /// <summary>So many entries have one mark.</summary>
    public const int EntriesAMark = 32;

    /// <summary>The longest segment that holds more than one entry.</summary>
    public const long Longest = 1 << 20;

    /// <summary>The first segment's size.</summary>
    public const long Shortest = 1 << 10;

    private const int TailOffset = 8;
    private const int FirstOffset = 16;
    private const int UsedBits = 27;
    private const uint Seed = 0x4C4F_4745;

    public long Offset => offset;

    public long Size => size;

    public bool Exists => offset != 0;

    /// <summary>Bytes in use, and how many entries they are.</summary>
    public ulong* TailWord => (ulong*)(heap + offset + TailOffset);

    /// <summary>Sealed index of the first entry.</summary>
    public ulong* FirstWord => (ulong*)(heap + offset + FirstOffset);

    public static ulong Header(long size) => BlockHeader.Sized(BlockHeader.TypeLogSegment, size);

    /// <summary>The bytes of an entry with so many bytes of value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Taken(long length) => EntryHeadLength + ((length + 7) & ~7L);

    /// <summary>The bytes that marks of so many entries take.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long MarksOf(int count) => ((count + EntriesAMark - 1) / EntriesAMark) * sizeof(ulong);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong TailFor(long used, int count) =>
        SealedOffset.Seal((used >> 3) | ((long)count << UsedBits), offset + TailOffset);

    public ulong FirstFor(long index) => SealedOffset.Seal(index, offset + FirstOffset);

    public bool TryTail(out long used, out int count)
    {
        bool intact = SealedOffset.TryOpen(Volatile.Read(ref *TailWord), offset + TailOffset, out long tail);
        used = (tail & ((1 << UsedBits) - 1)) << 3;
        count = (int)(tail >> UsedBits);
        return intact && count > 0 && used + MarksOf(count) <= size;
    }

    public bool TryFirst(out long index) =>
        SealedOffset.TryOpen(Volatile.Read(ref *FirstWord), offset + FirstOffset, out index);

    /// <summary>The word that says where an entry is.</summary>
    public ulong* Mark(int number) => (ulong*)(heap + MarkPlace(number));

    public ulong MarkFor(int number, long at) => SealedOffset.Seal(at, MarkPlace(number));

    public bool TryMark(int number, out long at) =>
        SealedOffset.TryOpen(*Mark(number), MarkPlace(number), out at);

    /// <summary>What lies so many bytes behind the segment's start.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* At(long at) => heap + offset + at;

    /// <summary>The length of an entry's value; false where it reaches out of what is in use.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryLength(long at, long used, out int length)
    {
        length = 0;
        if (at < HeadLength || (at & 7) != 0 || at > used - EntryHeadLength)
        {
            return false;
        }

        length = *(int*)At(at);
        return (uint)length <= MaximumEntryLength && at + Taken(length) <= used;
    }

    public LogEntryId IdAt(long at) => new(*(ulong*)At(at + 8), *(ulong*)At(at + 16));

    /// <summary>The first word of an entry: its length and what checks it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong EntryWord(long at, LogEntryId id, ReadOnlySpan<byte> value)
    {
        uint crc = Checksum.Of((ulong)(offset + at), Seed ^ (uint)value.Length);
        crc = Checksum.Of(id.Sequence, Checksum.Of(id.Milliseconds, crc));
        return (uint)value.Length | ((ulong)Checksum.Of(value, crc) << 32);
    }

    private long MarkPlace(int number) => offset + size - ((number + 1L) * sizeof(ulong));
}
