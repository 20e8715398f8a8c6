using System.Numerics;
using System.Runtime.CompilerServices;

namespace GuestMemFs.Format;

/// <summary>
/// An offset and its check in one 8-byte word, so that it changes with one store: 48 bits of offset, and above them 16
/// bits of check over the offset and the word's place. A word that was damaged, or copied from another place, does not
/// open. 0 is no offset.
/// </summary>
internal static class SealedOffset
{
    private const ulong Mask = 0x0000_FFFF_FFFF_FFFF;

    /// <summary>
    /// The word for an offset (0 for none) at a place: the word's own offset, or its number where words are copied
    /// about.
    /// </summary>
    public static ulong Seal(long offset, long place) =>
        offset == 0 ? 0 : (ulong)offset | ((ulong)Check(offset, place) << 48);

    /// <summary>The offset, where the word is intact.</summary>
    public static bool TryOpen(ulong word, long place, out long offset)
    {
        offset = Get(word);
        return word == Seal(offset, place);
    }

    /// <summary>The offset of a word that is known to be intact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Get(ulong word) => (long)(word & Mask);

    private static ushort Check(long offset, long place)
    {
        uint crc = BitOperations.Crc32C(BitOperations.Crc32C(0x4F46_4653, (ulong)offset), (ulong)place);
        return (ushort)(crc ^ (crc >> 16));
    }
}
