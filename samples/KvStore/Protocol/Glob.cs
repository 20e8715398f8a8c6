namespace KvStore.Protocol;

/// <summary>
/// Redis's patterns: <c>*</c>, <c>?</c>, <c>[a-c]</c>, <c>[^x]</c> and <c>\</c> as an escape, over bytes.
/// </summary>
internal static class Glob
{
    /// <summary>
    /// True where the whole text fits the pattern. Time is at most pattern times text: only the last star is gone back
    /// to.
    /// </summary>
    public static bool IsMatch(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> text, bool ignoreCase = false)
    {
        if (text.IsEmpty)
        {
            return pattern.IsEmpty; // Redis has it so: not even a star fits the empty key
        }

        int p = 0;
        int t = 0;
        int starPattern = -1;
        int starText = 0;
        while (true)
        {
            if (p < pattern.Length && pattern[p] == (byte)'*')
            {
                starPattern = ++p;
                starText = t;
                if (p == pattern.Length)
                {
                    return true;
                }

                continue;
            }

            if (t == text.Length)
            {
                // Only stars could follow here, and those were taken above.
                return p == pattern.Length;
            }

            int next = p;
            if (p < pattern.Length && MatchesOne(pattern, ref next, text[t], ignoreCase))
            {
                p = next;
                t++;
                continue;
            }

            if (starPattern < 0)
            {
                return false;
            }

            p = starPattern;
            t = ++starText;
        }
    }

    private static bool MatchesOne(ReadOnlySpan<byte> pattern, ref int p, byte c, bool ignoreCase)
    {
        switch (pattern[p])
        {
            case (byte)'?':
                p++;
                return true;
            case (byte)'[':
                p++;
                return MatchesClass(pattern, ref p, c, ignoreCase);
            case (byte)'\\' when p + 1 < pattern.Length:
                p += 2;
                return Same(pattern[p - 1], c, ignoreCase);
            default:
                p++;
                return Same(pattern[p - 1], c, ignoreCase);
        }
    }

    private static bool MatchesClass(ReadOnlySpan<byte> pattern, ref int p, byte c, bool ignoreCase)
    {
        bool not = p < pattern.Length && pattern[p] == (byte)'^';
        if (not)
        {
            p++;
        }

        bool match = false;
        while (p < pattern.Length && pattern[p] != (byte)']')
        {
            if (pattern[p] == (byte)'\\' && p + 1 < pattern.Length)
            {
                p++;
                match |= pattern[p] == c;
            }
            else if (p + 2 < pattern.Length && pattern[p + 1] == (byte)'-')
            {
                byte low = Fold(pattern[p], ignoreCase);
                byte high = Fold(pattern[p + 2], ignoreCase);
                if (low > high)
                {
                    (low, high) = (high, low);
                }

                byte folded = Fold(c, ignoreCase);
                match |= folded >= low && folded <= high;
                p += 2;
            }
            else
            {
                match |= Same(pattern[p], c, ignoreCase);
            }

            p++;
        }

        if (p < pattern.Length)
        {
            p++; // the bracket; one that is missing is taken for granted
        }

        return match != not;
    }

    private static bool Same(byte a, byte b, bool ignoreCase) =>
        a == b || (ignoreCase && Fold(a, true) == Fold(b, true));

    private static byte Fold(byte c, bool ignoreCase) =>
        ignoreCase && c is >= (byte)'A' and <= (byte)'Z' ? (byte)(c | 0x20) : c;
}
