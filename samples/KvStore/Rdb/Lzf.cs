namespace KvStore.Rdb;

/// <summary>
/// Strings that dumps have compressed: runs of bytes as they are, and places before to copy from.
/// </summary>
internal static class Lzf
{
    /// <summary>Three bytes say at most so many: more cannot be in so few.</summary>
    public const int MostPerByte = Longest / 3;

    private const int Longest = 7 + byte.MaxValue + LeastCopied;
    private const int LeastCopied = 2;
    private const int Runs = 32;

    /// <summary>Fills what has the length of the whole; false where the bytes do not say just so many.</summary>
    public static bool TryExpand(ReadOnlySpan<byte> from, Span<byte> to)
    {
        int at = 0;
        for (int i = 0; i < from.Length;)
        {
            int control = from[i++];
            if (control < Runs)
            {
                int length = control + 1;
                if (length > from.Length - i || length > to.Length - at)
                {
                    return false;
                }

                from.Slice(i, length).CopyTo(to[at..]);
                i += length;
                at += length;
            }
            else if (!TryCopy(from, control, ref i, to, ref at))
            {
                return false;
            }
        }

        return at == to.Length;
    }

    private static bool TryCopy(ReadOnlySpan<byte> from, int control, ref int i, Span<byte> to, ref int at)
    {
        int length = control >> 5;
        if (length == 7)
        {
            length += i < from.Length ? from[i++] : to.Length;
        }

        length += LeastCopied;
        int before = i < from.Length ? ((control & (Runs - 1)) << 8) + from[i++] + 1 : int.MaxValue;
        if (before > at || length > to.Length - at)
        {
            return false;
        }

        // What is copied may reach into what is written: one byte after the other.
        for (int end = at + length; at < end; at++)
        {
            to[at] = to[at - before];
        }

        return true;
    }
}
