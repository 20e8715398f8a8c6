using System.Buffers.Binary;

namespace GuestMemFs.Collections;

/// <summary>
/// The cursor of a walk over the buckets. It counts with its bits reversed, so that a bucket that was visited covers
/// all that it is split into later: what is there all the time is seen at least once, however the table grows.
/// </summary>
internal static class ScanCursor
{
    /// <summary>The cursor behind the two buckets of this one; 0 at the end.</summary>
    /// <param name="cursor">The present one.</param>
    /// <param name="half">The highest power of two that is not above the number of buckets.</param>
    public static ulong Next(ulong cursor, ulong half) => Reverse(Reverse(cursor | ~(half - 1)) + 1);

    private static ulong Reverse(ulong value)
    {
        value = ((value >> 1) & 0x5555_5555_5555_5555) | ((value & 0x5555_5555_5555_5555) << 1);
        value = ((value >> 2) & 0x3333_3333_3333_3333) | ((value & 0x3333_3333_3333_3333) << 2);
        value = ((value >> 4) & 0x0F0F_0F0F_0F0F_0F0F) | ((value & 0x0F0F_0F0F_0F0F_0F0F) << 4);
        return BinaryPrimitives.ReverseEndianness(value);
    }
}
