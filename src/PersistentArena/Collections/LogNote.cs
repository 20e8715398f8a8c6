using System.Runtime.InteropServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What a log was before a group changed it, in a block that the group's log names: as the old one and as the new one,
/// so that the commit frees it and the way back finds it.
/// </summary>
internal readonly unsafe struct LogNote(byte* heap, long offset)
{
    public const int Size = 64;

    /// <summary>Where the log began and ended.</summary>
    public const ulong OfEnds = 1;

    /// <summary>A position's id.</summary>
    public const ulong OfPosition = 2;

    private const uint Seed = 0x4C4E_4F54;
    private const int Words = 7;

    private ulong* Start => (ulong*)(heap + offset);

    public static ulong Header => BlockHeader.Sized(BlockHeader.TypeLogNote, Size);

    public long Offset => offset;

    public ulong* HeaderWord => Start;

    public ulong Kind => Start[2];

    public LogEnds Ends => EndsOf(new ReadOnlySpan<ulong>(Start, Words));

    /// <summary>Of a position: where it lies, and the id.</summary>
    public (long Block, LogEntryId Id) Position => ((long)Start[3], new(Start[4], Start[5]));

    /// <summary>True for an intact note of a log's.</summary>
    public bool IsOf(long root) => *HeaderWord == Header && Start[Words] == Check && Start[1] == (ulong)root;

    public void FillEnds(long root, long first, in LogSegment segment, long used, int count) =>
        Fill([(ulong)root, OfEnds, (ulong)first, (ulong)segment.Offset, (ulong)used, (ulong)count]);

    public void FillPosition(long root, long block, LogEntryId id) =>
        Fill([(ulong)root, OfPosition, (ulong)block, id.Milliseconds, id.Sequence, 0]);

    /// <summary>
    /// Without a lock: the ends, where this is an intact note of a log's ends at one instant. It is looked at in a
    /// copy, for the block may be freed and filled anew meanwhile.
    /// </summary>
    public bool TryEnds(long root, out LogEnds ends)
    {
        Span<ulong> copy = stackalloc ulong[Words + 1];
        new ReadOnlySpan<ulong>(Start, Words + 1).CopyTo(copy);
        ends = EndsOf(copy);
        return copy[0] == Header && copy[1] == (ulong)root && copy[2] == OfEnds
            && copy[Words] == CheckOf(MemoryMarshal.AsBytes(copy[1..Words]));
    }

    private ulong Check => CheckOf(new ReadOnlySpan<byte>(Start + 1, (Words - 1) * sizeof(ulong)));

    private static LogEnds EndsOf(ReadOnlySpan<ulong> words) =>
        new((long)words[3], (long)words[4], (long)words[5], (int)words[6]);

    private ulong CheckOf(ReadOnlySpan<byte> words) => Checksum.Of(words, Seed + (uint)offset);

    private void Fill(ReadOnlySpan<ulong> words)
    {
        for (int i = 0; i < words.Length; i++)
        {
            Persist.Store(Start + 1 + i, words[i]);
        }

        Persist.Store(Start + Words, Check);
    }
}

/// <summary>Where a log began and ended.</summary>
/// <param name="First">The index of the first entry that was not trimmed.</param>
/// <param name="Segment">The last segment; 0 for none.</param>
/// <param name="Used">Its bytes in use.</param>
/// <param name="Count">Its entries.</param>
internal readonly record struct LogEnds(long First, long Segment, long Used, int Count);
