using System.Buffers.Binary;
using GuestMemFs.Format;

namespace GuestMemFs.Collections;

/// <summary>
/// Keys of a list's elements: numbers of eight bytes, the highest byte first, counted up and down at the ends; between
/// two neighbours a number more, so that an element comes between them and no other one moves.
/// </summary>
/// <remarks>
/// <para>Invariants:</para>
/// <list type="number">
/// <item>Keys rise from element to element.</item>
/// <item>The last number of a key is never 0: below each key there is another one.</item>
/// </list>
/// </remarks>
internal static class ListKey
{
    /// <summary>A longer key is not made: elements around it are given new ones first.</summary>
    public const int Longest = 128;

    private const int DigitLength = sizeof(ulong);
    private const ulong Middle = 1UL << 63;

    // Room beside a number that came between two others, for others of the same side.
    private const ulong Step = 1UL << 32;

    // One more than the highest number.
    private static UInt128 NoLimit => (UInt128)1 << 64;

    /// <summary>The key of the first element of an empty list.</summary>
    public static int Only(Span<byte> key) => Write(key, 0, Middle);

    /// <summary>A key behind the last one.</summary>
    public static int After(ReadOnlySpan<byte> last, Span<byte> key) => Write(key, 0, checked(Digit(last, 0) + 1));

    /// <summary>A key before the first one.</summary>
    public static int Before(ReadOnlySpan<byte> first, Span<byte> key) => Write(key, 0, checked(Digit(first, 0) - 1));

    /// <summary>A key between two others; 0 where it would be longer than <see cref="Longest"/>.</summary>
    public static int Between(ReadOnlySpan<byte> low, ReadOnlySpan<byte> high, Span<byte> key)
    {
        Invariant.Holds(low.SequenceCompareTo(high) < 0, 1);
        bool isBounded = true;
        for (int at = 0; at + DigitLength <= Longest; at += DigitLength)
        {
            UInt128 below = Digit(low, at);
            UInt128 above = isBounded ? Digit(high, at) : NoLimit;
            if (above - below > 1)
            {
                return Write(key, at, Choose(below, above, isOpenBelow: at >= low.Length, isOpenAbove: !isBounded));
            }

            // The same number, or neighbours: on with what is behind the lower one.
            Write(key, at, (ulong)below);
            isBounded &= above == below;
        }

        return 0;
    }

    /// <summary>
    /// A key between two others (or behind one, or before one), the one with the index of so many at equal distances; 0
    /// where it would be longer than half of <see cref="Longest"/>.
    /// </summary>
    public static int Spread(
        ReadOnlySpan<byte> low, ReadOnlySpan<byte> high, (long Index, long Count) part, Span<byte> key)
    {
        UInt128 count = (UInt128)part.Count + 1;
        UInt128 room = count << 20;
        bool isBounded = !high.IsEmpty;
        if (low.IsEmpty || high.IsEmpty)
        {
            // At an end, or both: no further out than need be.
            UInt128 from = !low.IsEmpty ? Digit(low, 0)
                : (high.IsEmpty ? Middle : Digit(high, 0)) is var top && top > room ? top - room : 0;
            return Write(key, 0, At(from, !low.IsEmpty || high.IsEmpty ? from + room : Digit(high, 0)));
        }

        for (int at = 0; at + DigitLength <= Longest / 2; at += DigitLength)
        {
            UInt128 below = Digit(low, at);
            UInt128 above = isBounded ? Digit(high, at) : NoLimit;
            if (above > below && above - below >= room)
            {
                return Write(key, at, At(below, above));
            }

            if (above > below)
            {
                isBounded = false;
            }

            Write(key, at, (ulong)below);
        }

        return 0;

        ulong At(UInt128 below, UInt128 above) =>
            (ulong)(below + ((above - below) * ((UInt128)part.Index + 1) / count));
    }

    // One that comes beside others of one side leaves room for the next of that side; else the middle.
    private static ulong Choose(UInt128 below, UInt128 above, bool isOpenBelow, bool isOpenAbove)
    {
        UInt128 middle = below + ((above - below) / 2);
        UInt128 beside = isOpenAbove && !isOpenBelow ? below + Step
            : isOpenBelow && !isOpenAbove && above > Step ? above - Step
            : middle;
        return (ulong)(beside > below && beside < above ? beside : middle);
    }

    private static ulong Digit(ReadOnlySpan<byte> key, int at) =>
        at < key.Length ? BinaryPrimitives.ReadUInt64BigEndian(key[at..]) : 0;

    private static int Write(Span<byte> key, int at, ulong digit)
    {
        BinaryPrimitives.WriteUInt64BigEndian(key[at..], digit);
        return at + DigitLength;
    }
}
