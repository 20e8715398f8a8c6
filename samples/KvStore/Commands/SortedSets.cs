using System.Text;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>Sorted sets: members and their scores.</summary>
internal static class SortedSets
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("sorted-set",
    [
        new("zadd", -4, Write | DenyOom | Fast, KeySpec.One, ZAdd)
        {
            Since = "1.2.0",
            Summary = "Add one or more members to a sorted set, or update its score if it already exists",
        },
        new("zincrby", 4, Write | DenyOom | Fast, KeySpec.One, ZIncrBy)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Event = "zincr",
            Since = "1.2.0",
            Summary = "Increment the score of a member in a sorted set",
        },
        new("zrem", -3, Write | Fast, KeySpec.One, ZRem)
            { Since = "1.2.0", Summary = "Remove one or more members from a sorted set" },
        new("zcard", 2, ReadOnly | Fast, KeySpec.One, ZCard)
            { KeyAccess = KeyAccess.Exists, Since = "1.2.0", Summary = "Get the number of members in a sorted set" },
        new("zscore", 3, ReadOnly | Fast, KeySpec.One, ZScore)
            { Since = "1.2.0", Summary = "Get the score associated with the given member in a sorted set" },
        new("zmscore", -3, ReadOnly | Fast, KeySpec.One, ZMScore)
            { Since = "6.2.0", Summary = "Get the score associated with the given members in a sorted set" },
        new("zrank", 3, ReadOnly | Fast, KeySpec.One, ZRank)
            { Since = "2.0.0", Summary = "Determine the index of a member in a sorted set" },
        new("zrevrank", 3, ReadOnly | Fast, KeySpec.One, ZRank)
        {
            Since = "2.0.0",
            Summary = "Determine the index of a member in a sorted set, with scores ordered from high to low",
        },
        new("zpopmin", -2, Write | Fast, KeySpec.One, ZPop)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "5.0.0",
            Summary = "Remove and return members with the lowest scores in a sorted set",
        },
        new("zpopmax", -2, Write | Fast, KeySpec.One, ZPop)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "5.0.0",
            Summary = "Remove and return members with the highest scores in a sorted set",
        },
    ]);

    public static void ZAdd(in Call call)
    {
        AddOptions options = default;
        int first = 2;
        while (first < call.Args.Count && options.TryTake(call, first))
        {
            first++;
        }

        int count = call.Args.Count - first;
        string error = options.Refusal(count);
        if (error.Length > 0)
        {
            call.Reply.Error(error);
            return;
        }

        AddPairs(call, options, first);
    }

    public static void ZIncrBy(in Call call) => AddPairs(call, new AddOptions { Increments = true }, 2);

    public static void ZRem(in Call call) => CollectionCalls.Change(
        call, call.Engine.SortedSet, 2 * call.Args.Count, static (in Call call, ScoredSet set) =>
        {
            int removed = 0;
            for (int i = 2; i < call.Args.Count && set.Exists; i++)
            {
                removed += set.Remove(call.Args[i]) ? 1 : 0;
            }

            call.Reply.Integer(removed);
        });

    public static void ZCard(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.SortedSet))
        {
            call.Reply.Integer(call.Engine.SortedSet.Count);
        }
    }

    public static void ZScore(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.SortedSet))
        {
            ReplyScoreOf(call, call.Args[2]);
        }
    }

    public static void ZMScore(in Call call)
    {
        if (!CollectionCalls.TryRead(call, call.Engine.SortedSet))
        {
            return;
        }

        call.Reply.Array(call.Args.Count - 2);
        for (int i = 2; i < call.Args.Count; i++)
        {
            ReplyScoreOf(call, call.Args[i]);
        }
    }

    public static void ZRank(in Call call)
    {
        ScoredSet set = call.Engine.SortedSet;
        if (!CollectionCalls.TryRead(call, set))
        {
            return;
        }

        if (!set.TryGetScore(call.Args[2], out double score))
        {
            call.Reply.Null();
            return;
        }

        long rank = set.Rank(call.Args[2], score);
        call.Reply.Integer(call.Command.Name == "zrank" ? rank : set.Count - 1 - rank);
    }

    public static void ZPop(in Call call)
    {
        if (call.Args.Count > 3)
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        if (call.Args.Count == 3 && (!Numbers.TryParse(call.Args[2], out long asked) || asked < 0))
        {
            call.Reply.Error(Errors.NotPositive);
            return;
        }

        CollectionCalls.Change(call, call.Engine.SortedSet, 2, static (in Call call, ScoredSet set) =>
        {
            long count = 1;
            if (call.Args.Count == 3 && !call.TryInteger(2, out count))
            {
                return;
            }

            count = Math.Min(count, set.Count);
            bool lowest = call.Command.Name == "zpopmin";
            List<Scored> popped = count == 0 ? []
                : lowest ? set.Range(0, count - 1) : set.Range(set.Count - count, set.Count - 1);
            if (!lowest)
            {
                popped.Reverse();
            }

            ReplyScored(call, popped, withScores: true, nested: call.Reply.Resp3 && call.Args.Count == 3);
            foreach (Scored each in popped)
            {
                set.Remove(each.Member);
            }
        });
    }

    /// <summary>Replies members, with their scores or without.</summary>
    public static void ReplyScored(in Call call, List<Scored> members, bool withScores, bool nested)
    {
        call.Reply.Array(withScores && !nested ? members.Count * 2 : members.Count);
        foreach (Scored each in members)
        {
            if (withScores && nested)
            {
                call.Reply.Array(2);
            }

            call.Reply.Bulk(each.Member);
            if (withScores)
            {
                ReplyScore(call.Reply, each.Score);
            }
        }
    }

    public static void ReplyScore(RespWriter reply, double score)
    {
        byte[] text = Encoding.ASCII.GetBytes(ScoreText.Format(score));
        if (reply.Resp3)
        {
            reply.Raw([(byte)',', .. text, (byte)'\r', (byte)'\n']);
        }
        else
        {
            reply.Bulk(text);
        }
    }

    private static void ReplyScoreOf(in Call call, ReadOnlySpan<byte> member)
    {
        if (call.Engine.SortedSet.TryGetScore(member, out double score))
        {
            ReplyScore(call.Reply, score);
        }
        else
        {
            call.Reply.Null();
        }
    }

    private static void AddPairs(in Call call, AddOptions options, int first)
    {
        double[] scores = new double[(call.Args.Count - first) / 2];
        for (int i = 0; i < scores.Length; i++)
        {
            if (!ScoreText.TryParse(call.Args[first + (2 * i)], out scores[i]))
            {
                call.Reply.Error(Errors.NotAFloat);
                return;
            }
        }

        Add(call, options, scores, first + 1, 2);
    }

    /// <summary>Adds members with these scores, or replies what is wrong with them.</summary>
    /// <param name="call">The command.</param>
    /// <param name="options">Which are added.</param>
    /// <param name="scores">Their scores.</param>
    /// <param name="first">The argument that is the first of them.</param>
    /// <param name="step">From one to the next.</param>
    internal static void Add(in Call call, AddOptions options, double[] scores, int first, int step)
    {
        if (!CollectionCalls.AreShort(call, first, step))
        {
            return;
        }

        ScoredSet set = call.Engine.SortedSet;
        if (!set.TryOpen(call.Key))
        {
            call.Reply.Error(Errors.WrongType);
            return;
        }

        AtomicScope atomic = call.Engine.BeginAtomic(set.IsLarge ? 3 * scores.Length : 0);
        try
        {
            AddAll(call, set, options, scores, first, step);
            set.Commit();
            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }

        if (set.IsChanged)
        {
            call.Changed(call.Key, KeyEvents.SortedSet, options.Increments ? "zincr" : "zadd");
        }
    }

    private static void AddAll(
        in Call call, ScoredSet set, AddOptions options, double[] scores, int first, int step)
    {
        int added = 0;
        int updated = 0;
        double? last = null;
        for (int i = 0; i < scores.Length; i++)
        {
            ReadOnlySpan<byte> member = call.Args[first + (step * i)];
            bool exists = set.TryGetScore(member, out double old);
            double score = options.Increments && exists ? old + scores[i] : scores[i];
            if (double.IsNaN(score))
            {
                call.Reply.Error("ERR resulting score is not a number (NaN)"u8);
                return;
            }

            if (!options.Allows(exists, old, score))
            {
                continue;
            }

            last = score;
            added += exists ? 0 : 1;
            updated += exists && old != score ? 1 : 0;
            if (!exists || old != score)
            {
                set.Set(member, score);
            }
        }

        if (!options.Increments)
        {
            call.Reply.Integer(options.Changes ? added + updated : added);
        }
        else if (last is { } score)
        {
            ReplyScore(call.Reply, score);
        }
        else
        {
            call.Reply.Null();
        }
    }

    /// <summary>NX, XX, GT, LT, CH, INCR.</summary>
    internal struct AddOptions
    {
        private bool _ifAbsent;
        private bool _ifPresent;
        private bool _ifGreater;
        private bool _ifLess;

        public bool Changes { get; private set; }

        public bool Increments { get; set; }

        /// <summary>True where nothing could be added.</summary>
        public readonly bool Contradicts => _ifAbsent && _ifPresent;

        public bool TryTake(in Call call, int index)
        {
            _ifAbsent |= call.Args.Is(index, "nx"u8);
            _ifPresent |= call.Args.Is(index, "xx"u8);
            _ifGreater |= call.Args.Is(index, "gt"u8);
            _ifLess |= call.Args.Is(index, "lt"u8);
            Changes |= call.Args.Is(index, "ch"u8);
            Increments |= call.Args.Is(index, "incr"u8);
            return IsOption(call, index);
        }

        public readonly string Refusal(int arguments) =>
            arguments == 0 || arguments % 2 != 0 ? "ERR syntax error"
            : Contradicts ? "ERR XX and NX options at the same time are not compatible"
            : (_ifAbsent && (_ifGreater || _ifLess)) || (_ifGreater && _ifLess)
                ? "ERR GT, LT, and/or NX options at the same time are not compatible"
            : Increments && arguments > 2 ? "ERR INCR option supports a single increment-element pair"
            : "";

        public readonly bool Allows(bool exists, double old, double score) => exists
            ? !_ifAbsent && !(_ifGreater && score <= old) && !(_ifLess && score >= old)
            : !_ifPresent;

        private static bool IsOption(in Call call, int index) =>
            call.Args.Is(index, "nx"u8) || call.Args.Is(index, "xx"u8) || call.Args.Is(index, "gt"u8)
            || call.Args.Is(index, "lt"u8) || call.Args.Is(index, "ch"u8) || call.Args.Is(index, "incr"u8);
    }
}
