using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace GuestMemFs.Collections;

/// <summary>
/// Eight bytes of a key behind the prefix that all keys of a node share, as a number that orders as the keys do: most
/// comparisons need no more. Equal numbers say nothing; the keys do then.
/// </summary>
internal static class KeySlice
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of(ReadOnlySpan<byte> key, int prefix)
    {
        int left = key.Length - prefix;
        return left >= sizeof(ulong) ? BinaryPrimitives.ReadUInt64BigEndian(key.Slice(prefix, sizeof(ulong)))
            : Short(key, prefix);
    }

    /// <summary>
    /// How long the shortest key is that is above one key and not above a later one: what separates them.
    /// </summary>
    public static int SeparatorLength(ReadOnlySpan<byte> below, ReadOnlySpan<byte> later) =>
        below.CommonPrefixLength(later) + 1;

    // Bytes that a key does not have count as 0: a shorter key comes first or is told from the longer one by the keys
    // themselves.
    private static ulong Short(ReadOnlySpan<byte> key, int prefix)
    {
        ulong slice = 0;
        for (int i = prefix; i < key.Length; i++)
        {
            slice |= (ulong)key[i] << (56 - (8 * (i - prefix)));
        }

        return slice;
    }
}
