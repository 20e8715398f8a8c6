using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GuestMemFs.Collections;

/// <summary>
/// A slot word: 0 is empty; else 48 bits of offset and 16 bits of tag (never 0) for a record, or an offset with bit 0
/// set and no tag for a link to an overflow block.
/// </summary>
internal static unsafe class Slot
{
    /// <summary>
    /// Slots of a bucket (its eighth word is the version), and of an overflow block (its first word is the header).
    /// </summary>
    public const int PerNode = 7;

    /// <summary>The slot that may be a link.</summary>
    public const int Last = PerNode - 1;

    /// <summary>
    /// The bucket's version, changed before anything that was reachable from the bucket can be used again.
    /// </summary>
    public const int Version = 7;

    private const ulong OffsetMask = 0x0000_FFFF_FFFF_FFF0;
    private const int TagShift = 48;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Tag(ulong hash) => (hash | (1UL << 63)) & ~(ulong.MaxValue >> 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Offset(ulong slot) => (long)(slot & OffsetMask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Entry(ulong tag, long offset) => tag | (ulong)offset;

    public static ulong Link(long offset) => (ulong)offset | 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsLink(ulong slot) => (slot & 1) != 0;

    /// <summary>The seven slots of the overflow block that a link leads to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* Node(byte* heap, ulong link) => (ulong*)(heap + Offset(link)) + 1;

    /// <summary>True for an entry with that tag: an empty slot and a link have none.</summary>
    public static bool HasTag(ulong slot, ulong tag) => (slot ^ tag) >> TagShift == 0;

    public static bool IsEntry(ulong slot) => slot >> TagShift != 0;

    /// <summary>A bit for each of the node's seven slots that carries the tag.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Matches(ulong* slots, ulong tag)
    {
        if (Vector256.IsHardwareAccelerated)
        {
            Vector256<ulong> wanted = Vector256.Create(tag >> TagShift);
            uint low = Vector256.Equals(Vector256.ShiftRightLogical(Vector256.Load(slots), TagShift), wanted)
                .ExtractMostSignificantBits();
            uint high = Vector256.Equals(Vector256.ShiftRightLogical(Vector256.Load(slots + 3), TagShift), wanted)
                .ExtractMostSignificantBits();
            return low | (high << 3);
        }

        uint matches = 0;
        for (int i = 0; i < PerNode; i++)
        {
            matches |= slots[i] >> TagShift == tag >> TagShift ? 1u << i : 0;
        }

        return matches;
    }
}
