using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>Ranges of sorted sets: shown, counted, stored, removed.</summary>
internal static class SortedSetRanges
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("sorted-set",
    [
        new("zrange", -4, ReadOnly, KeySpec.One, ZRange)
            { Since = "1.2.0", Summary = "Return a range of members in a sorted set" },
        new("zrangestore", -5, Write | DenyOom, KeySpec.Two, ZRangeStore)
        {
            SecondKeyAccess = KeyAccess.Read,
            Since = "6.2.0",
            Summary = "Store a range of members from sorted set into another key",
        },
        new("zrevrange", -4, ReadOnly, KeySpec.One, ZRange)
        {
            Since = "1.2.0",
            Summary = "Return a range of members in a sorted set, by index, with scores ordered from high to low",
        },
        new("zrangebyscore", -4, ReadOnly, KeySpec.One, ZRange)
            { Since = "1.0.5", Summary = "Return a range of members in a sorted set, by score" },
        new("zrevrangebyscore", -4, ReadOnly, KeySpec.One, ZRange)
        {
            Since = "2.2.0",
            Summary = "Return a range of members in a sorted set, by score, with scores ordered from high to low",
        },
        new("zrangebylex", -4, ReadOnly, KeySpec.One, ZRange)
            { Since = "2.8.9", Summary = "Return a range of members in a sorted set, by lexicographical range" },
        new("zrevrangebylex", -4, ReadOnly, KeySpec.One, ZRange)
        {
            Since = "2.8.9",
            Summary = "Return a range of members in a sorted set, by lexicographical range, from high to low strings",
        },
        new("zcount", 4, ReadOnly | Fast, KeySpec.One, ZCount)
            { Since = "2.0.0", Summary = "Count the members in a sorted set with scores within the given values" },
        new("zlexcount", 4, ReadOnly | Fast, KeySpec.One, ZCount)
        {
            Since = "2.8.9",
            Summary = "Count the number of members in a sorted set between a given lexicographical range",
        },
        new("zremrangebyrank", 4, Write, KeySpec.One, ZRemRange)
            { Since = "2.0.0", Summary = "Remove all members in a sorted set within the given indexes" },
        new("zremrangebyscore", 4, Write, KeySpec.One, ZRemRange)
            { Since = "1.2.0", Summary = "Remove all members in a sorted set within the given scores" },
        new("zremrangebylex", 4, Write, KeySpec.One, ZRemRange)
            { Since = "2.8.9", Summary = "Remove all members in a sorted set between the given lexicographical range" },
    ]);

    public static void ZRange(in Call call)
    {
        if (!TryOptions(call, 4, out Options options))
        {
            return;
        }

        ScoredSet set = call.Engine.SortedSet;
        if (TryRange(call, options, 2, out ScoreRange range) && CollectionCalls.TryRead(call, set))
        {
            SortedSets.ReplyScored(call, Members(set, range, options), options.WithScores, call.Reply.Resp3);
        }
    }

    public static void ZRangeStore(in Call call)
    {
        ScoredSet source = call.Engine.NewSortedSet();
        if (!TryOptions(call, 5, out Options options) || !TryRange(call, options, 3, out ScoreRange range)
            || !CollectionCalls.TryRead(call, source, call.Args[2]))
        {
            return;
        }

        CollectionCalls.Store(
            call, call.Key, call.Engine.SortedSet, Members(source, range, options),
            static (result, each) => result.Set(each.Member, each.Score));
    }

    public static void ZCount(in Call call)
    {
        ScoredSet set = call.Engine.SortedSet;
        RangeKind kind = call.Command.Name == "zcount" ? RangeKind.Score : RangeKind.Member;
        if (ScoreRange.TryParse(call, kind, 2, 3, out ScoreRange range) && CollectionCalls.TryRead(call, set))
        {
            bool any = range.TryPlaces(set, descends: false, out long start, out long end);
            call.Reply.Integer(any ? end - start + 1 : 0);
        }
    }

    public static void ZRemRange(in Call call)
    {
        if (!ScoreRange.TryParse(call, KindOf(call.Command.Name), 2, 3, out _))
        {
            return;
        }

        CollectionCalls.Change(call, call.Engine.SortedSet, 2, static (in Call call, ScoredSet set) =>
        {
            List<Scored> members = [];
            if (ScoreRange.TryParse(call, KindOf(call.Command.Name), 2, 3, out ScoreRange range)
                && range.TryPlaces(set, descends: false, out long start, out long end))
            {
                members = set.Range(start, end);
            }

            call.Reply.Integer(members.Count);
            if (members.Count == set.Count)
            {
                set.RemoveAll();
                return;
            }

            foreach (Scored each in members)
            {
                set.Remove(each.Member);
            }
        });
    }

    private static RangeKind KindOf(string command) =>
        command.EndsWith("byscore", StringComparison.Ordinal) ? RangeKind.Score
        : command.EndsWith("bylex", StringComparison.Ordinal) ? RangeKind.Member
        : RangeKind.Rank;

    private static bool TryRange(in Call call, in Options options, int first, out ScoreRange range)
    {
        // From high to low, scores and members are given so too.
        bool swapped = options.Descends && options.Kind != RangeKind.Rank;
        return ScoreRange.TryParse(
            call, options.Kind, swapped ? first + 1 : first, swapped ? first : first + 1, out range);
    }

    private static List<Scored> Members(ScoredSet set, ScoreRange range, in Options options)
    {
        if (!range.TryPlaces(set, options.Descends, out long start, out long end) || options.Offset < 0
            || options.Offset > end - start)
        {
            return [];
        }

        long there = end - start + 1 - options.Offset;
        long count = options.Limit < 0 ? there : Math.Min(options.Limit, there);
        if (count == 0)
        {
            return [];
        }

        start = options.Descends ? end - options.Offset - count + 1 : start + options.Offset;
        end = start + count - 1;
        List<Scored> members = set.Range(start, end);
        if (options.Descends)
        {
            members.Reverse();
        }

        return members;
    }

    private static bool TryOptions(in Call call, int first, out Options options)
    {
        string name = call.Command.Name;
        bool isFree = name is "zrange" or "zrangestore";
        options = new Options
        {
            Kind = KindOf(name),
            Descends = name.StartsWith("zrev", StringComparison.Ordinal),
            Limit = -1,
        };
        bool limits = false;
        for (int i = first; i < call.Args.Count; i++)
        {
            if (call.Args.Is(i, "withscores"u8) && name != "zrangestore")
            {
                options.WithScores = true;
            }
            else if (call.Args.Is(i, "limit"u8) && i + 2 < call.Args.Count)
            {
                limits = true;
                if (!call.TryInteger(i + 1, out long offset) || !call.TryInteger(i + 2, out long limit))
                {
                    return false;
                }

                (options.Offset, options.Limit) = (offset, limit);
                i += 2;
            }
            else if (isFree && call.Args.Is(i, "rev"u8))
            {
                options.Descends = true;
            }
            else if (isFree && call.Args.Is(i, "byscore"u8))
            {
                options.Kind = RangeKind.Score;
            }
            else if (isFree && call.Args.Is(i, "bylex"u8))
            {
                options.Kind = RangeKind.Member;
            }
            else
            {
                call.Reply.Error(Errors.Syntax);
                return false;
            }
        }

        return IsAllowed(call, options, limits);
    }

    private static bool IsAllowed(in Call call, in Options options, bool limits)
    {
        if (limits && options.Kind == RangeKind.Rank)
        {
            call.Reply.Error(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"u8);
            return false;
        }

        if (options is { WithScores: true, Kind: RangeKind.Member })
        {
            call.Reply.Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX"u8);
            return false;
        }

        return true;
    }

    private struct Options
    {
        public RangeKind Kind;
        public bool Descends;
        public bool WithScores;
        public long Offset;
        public long Limit;
    }
}
