using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>What a range of a sorted set is given by.</summary>
internal enum RangeKind
{
    Rank,
    Score,
    Member,
}

/// <summary>A range of a sorted set, as a client says it: two ranks, scores, or members.</summary>
internal ref struct ScoreRange
{
    private readonly RangeKind _kind;
    private long _start;
    private long _end;
    private double _least;
    private double _most;
    private bool _leastOpen;
    private bool _mostOpen;
    private ReadOnlySpan<byte> _leastMember;
    private ReadOnlySpan<byte> _mostMember;

    private ScoreRange(RangeKind kind) => _kind = kind;

    /// <summary>Reads both ends; false, and an error is replied, where one is none.</summary>
    public static bool TryParse(in Call call, RangeKind kind, int first, int last, out ScoreRange range)
    {
        range = new ScoreRange(kind);
        switch (kind)
        {
            case RangeKind.Rank:
                return call.TryInteger(first, out range._start) && call.TryInteger(last, out range._end);
            case RangeKind.Score:
                if (TryScore(call.Args[first], out range._least, out range._leastOpen)
                    && TryScore(call.Args[last], out range._most, out range._mostOpen))
                {
                    return true;
                }

                call.Reply.Error("ERR min or max is not a float"u8);
                return false;
            default:
                range._leastMember = call.Args[first];
                range._mostMember = call.Args[last];
                if (IsMember(range._leastMember) && IsMember(range._mostMember))
                {
                    return true;
                }

                call.Reply.Error("ERR min or max not valid string range item"u8);
                return false;
        }
    }

    /// <summary>The places that it has in a set; false where it is empty.</summary>
    public readonly bool TryPlaces(ScoredSet set, bool descends, out long start, out long end)
    {
        long count = set.Count;
        if (_kind == RangeKind.Rank)
        {
            start = _start;
            end = _end;
            if (!ListElements.TryClamp(ref start, ref end, count))
            {
                return false;
            }

            (start, end) = descends ? (count - 1 - end, count - 1 - start) : (start, end);
            return true;
        }

        if (_kind == RangeKind.Score)
        {
            start = count == 0 ? 0 : set.CountBelow(_least, includes: _leastOpen);
            end = count == 0 ? -1 : set.CountBelow(_most, includes: !_mostOpen) - 1;
        }
        else
        {
            start = count == 0 ? 0 : Below(set, _leastMember, includes: _leastMember[0] == '(', count);
            end = count == 0 ? -1 : Below(set, _mostMember, includes: _mostMember[0] == '[', count) - 1;
        }

        return start <= end;
    }

    private static long Below(ScoredSet set, ReadOnlySpan<byte> end, bool includes, long count) => end[0] switch
    {
        (byte)'-' => 0,
        (byte)'+' => count,
        _ => set.CountBelow(end[1..].ToArray(), includes),
    };

    private static bool TryScore(ReadOnlySpan<byte> text, out double score, out bool isOpen)
    {
        isOpen = text.Length > 0 && text[0] == (byte)'(';
        return ScoreText.TryParse(isOpen ? text[1..] : text, out score);
    }

    private static bool IsMember(ReadOnlySpan<byte> text) =>
        text is [(byte)'-'] or [(byte)'+'] or [(byte)'(' or (byte)'[', ..];
}
