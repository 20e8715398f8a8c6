using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>
/// What LMPOP, ZMPOP and their blocking kin have in common: a number of keys, the keys, an end, how many elements.
/// </summary>
/// <param name="FirstKey">The first argument that is a key.</param>
/// <param name="KeyCount">How many are.</param>
/// <param name="AtFirst">True for the first of the two words for an end.</param>
/// <param name="Most">How many elements at most.</param>
internal readonly record struct PopArguments(int FirstKey, int KeyCount, bool AtFirst, long Most)
{
    /// <summary>Reads them, or replies what is wrong with them.</summary>
    /// <param name="call">The command.</param>
    /// <param name="at">The argument that says how many keys there are.</param>
    /// <param name="first">The word for the first end.</param>
    /// <param name="last">The word for the other.</param>
    /// <param name="pop">What was read.</param>
    public static bool TryRead(
        in Call call, int at, ReadOnlySpan<byte> first, ReadOnlySpan<byte> last, out PopArguments pop)
    {
        pop = default;
        if (!Numbers.TryParse(call.Args[at], out long keys) || keys < 1)
        {
            call.Reply.Error("ERR numkeys should be greater than 0"u8);
            return false;
        }

        int end = keys < call.Args.Count ? (int)keys + at + 1 : call.Args.Count;
        bool atFirst = end < call.Args.Count && call.Args.Is(end, first);
        bool hasCount = end + 3 == call.Args.Count && call.Args.Is(end + 1, "count"u8);
        if (end >= call.Args.Count || (!atFirst && !call.Args.Is(end, last)))
        {
            call.Reply.Error(Errors.Syntax);
            return false;
        }

        long most = 1;
        if (end + 2 < call.Args.Count && call.Args.Is(end + 1, "count"u8)
            && (!Numbers.TryParse(call.Args[end + 2], out most) || most < 1))
        {
            call.Reply.Error("ERR count should be greater than 0"u8);
            return false;
        }

        if (!hasCount && end + 1 != call.Args.Count)
        {
            call.Reply.Error(Errors.Syntax);
            return false;
        }

        pop = new PopArguments(at + 1, (int)keys, atFirst, most);
        return true;
    }
}
