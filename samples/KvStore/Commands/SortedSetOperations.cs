using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>Unions, intersections and differences of sorted sets and of sets, whose members have score 1.</summary>
internal static class SortedSetOperations
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("sorted-set",
    [
        new("zunion", -3, ReadOnly, KeySpec.CountedBy(1), Run)
            { Since = "6.2.0", Summary = "Add multiple sorted sets" },
        new("zinter", -3, ReadOnly, KeySpec.CountedBy(1), Run)
            { Since = "6.2.0", Summary = "Intersect multiple sorted sets" },
        new("zdiff", -3, ReadOnly, KeySpec.CountedBy(1), Run)
            { Since = "6.2.0", Summary = "Subtract multiple sorted sets" },
        new("zintercard", -3, ReadOnly, KeySpec.CountedBy(1), Run)
            { Since = "7.0.0", Summary = "Intersect multiple sorted sets and return the cardinality of the result" },
        new("zunionstore", -4, Write | DenyOom, KeySpec.OneAndCounted, Run)
        {
            SecondKeyAccess = KeyAccess.Read,
            Since = "2.0.0",
            Summary = "Add multiple sorted sets and store the resulting sorted set in a new key",
        },
        new("zinterstore", -4, Write | DenyOom, KeySpec.OneAndCounted, Run)
        {
            SecondKeyAccess = KeyAccess.Read,
            Since = "2.0.0",
            Summary = "Intersect multiple sorted sets and store the resulting sorted set in a new key",
        },
        new("zdiffstore", -4, Write | DenyOom, KeySpec.OneAndCounted, Run)
        {
            SecondKeyAccess = KeyAccess.Read,
            Since = "6.2.0",
            Summary = "Subtract multiple sorted sets and store the resulting sorted set in a new key",
        },
    ]);

    /// <summary>The three operations, shown, counted or stored.</summary>
    public static void Run(in Call call)
    {
        var request = new Request(call.Command.Name);
        if (!TryOpen(call, request) || !TryOptions(call, request))
        {
            return;
        }

        if (!request.IsDifference)
        {
            // As redis does it, those of one length in their order: a sum's last digit hangs on it, and a replica of a
            // redis-server has to have the same.
            Source[] ordered = [.. request.Sources.OrderBy(it => it.Members.Count)];
            ordered.CopyTo(request.Sources, 0);
        }

        Dictionary<byte[], double> members = request.IsUnion ? Unite(request)
            : request.IsDifference ? Subtract(request.Sources) : Intersect(request);
        if (request.Counts)
        {
            call.Reply.Integer(request.Limit > 0 ? Math.Min(request.Limit, members.Count) : members.Count);
        }
        else if (request.Stores)
        {
            CollectionCalls.Store(
                call, call.Key, call.Engine.SortedSet, members,
                static (result, each) => result.Set(each.Key, each.Value));
        }
        else
        {
            List<Scored> sorted = [.. members.Select(it => new Scored(it.Key, it.Value))];
            sorted.Sort(static (a, b) => a.Score != b.Score ? a.Score.CompareTo(b.Score)
                : a.Member.AsSpan().SequenceCompareTo(b.Member));
            SortedSets.ReplyScored(call, sorted, request.WithScores, call.Reply.Resp3);
        }
    }

    /// <summary>Reads all that the keys have, or replies what is wrong.</summary>
    private static bool TryOpen(in Call call, Request request)
    {
        if (!call.TryInteger(request.NumberAt, out long keys))
        {
            return false;
        }

        if (keys < 1)
        {
            call.Reply.Error($"ERR at least 1 input key is needed for '{call.Command.Name}' command");
            return false;
        }

        if (keys > call.Args.Count - request.NumberAt - 1)
        {
            call.Reply.Error(Errors.Syntax);
            return false;
        }

        request.Sources = new Source[keys];
        for (int i = 0; i < keys; i++)
        {
            ReadOnlySpan<byte> key = call.Args[request.NumberAt + 1 + i];
            if (!TryRead(call, key, out Dictionary<byte[], double>? members))
            {
                call.Reply.Error(Errors.WrongType);
                return false;
            }

            call.Looked(members.Count > 0, key);
            request.Sources[i] = new Source(members);
        }

        return true;
    }

    private static bool TryRead(in Call call, ReadOnlySpan<byte> key, out Dictionary<byte[], double> members)
    {
        members = new Dictionary<byte[], double>(ByteKeys.Instance);
        ScoredSet scored = call.Engine.SortedSet;
        if (scored.TryOpen(key))
        {
            foreach (Scored each in scored.Exists ? scored.Range(0, scored.Count - 1) : [])
            {
                members[each.Member] = each.Score;
            }

            return true;
        }

        FieldMap set = call.Engine.Set;
        if (!set.TryOpen(key))
        {
            return false;
        }

        FieldCursor cursor = set.Scan();
        while (cursor.MoveNext())
        {
            members[cursor.Field.ToArray()] = 1;
        }

        return true;
    }

    private static bool TryOptions(in Call call, Request request)
    {
        for (int i = request.NumberAt + 1 + request.Sources.Length; i < call.Args.Count; i++)
        {
            int more = call.Args.Count - 1 - i;
            bool weighs = !request.IsDifference && !request.Counts;
            if (weighs && more >= request.Sources.Length && call.Args.Is(i, "weights"u8))
            {
                if (!TryWeights(call, i + 1, request.Sources))
                {
                    return false;
                }

                i += request.Sources.Length;
            }
            else if (weighs && more >= 1 && call.Args.Is(i, "aggregate"u8) && TryAggregate(call, ++i, request))
            {
                // It is read.
            }
            else if (!request.Stores && !request.Counts && call.Args.Is(i, "withscores"u8))
            {
                request.WithScores = true;
            }
            else if (request.Counts && more >= 1 && call.Args.Is(i, "limit"u8))
            {
                if (!Numbers.TryParse(call.Args[++i], out long limit) || limit < 0)
                {
                    call.Reply.Error("ERR LIMIT can't be negative"u8);
                    return false;
                }

                request.Limit = limit;
            }
            else
            {
                call.Reply.Error(Errors.Syntax);
                return false;
            }
        }

        return true;
    }

    private static bool TryWeights(in Call call, int first, Source[] sources)
    {
        for (int i = 0; i < sources.Length; i++)
        {
            if (!ScoreText.TryParse(call.Args[first + i], out double weight))
            {
                call.Reply.Error("ERR weight value is not a float"u8);
                return false;
            }

            sources[i].Weight = weight;
        }

        return true;
    }

    private static bool TryAggregate(in Call call, int index, Request request)
    {
        request.Aggregate = call.Args.Is(index, "sum"u8) ? Add
            : call.Args.Is(index, "min"u8) ? static (a, b) => b < a ? b : a
            : call.Args.Is(index, "max"u8) ? static (a, b) => b > a ? b : a
            : null;
        return request.Aggregate is not null;
    }

    // Infinity less infinity is nothing, as in Redis.
    private static double Add(double a, double b) => OrZero(a + b);

    private static double OrZero(double score) => double.IsNaN(score) ? 0 : score;

    private static Dictionary<byte[], double> Unite(Request request)
    {
        Dictionary<byte[], double> all = new(ByteKeys.Instance);
        foreach (Source source in request.Sources)
        {
            foreach ((byte[] member, double score) in source.Members)
            {
                double weighed = OrZero(score * source.Weight);
                all[member] = all.TryGetValue(member, out double old) ? request.Aggregate!(old, weighed) : weighed;
            }
        }

        return all;
    }

    private static Dictionary<byte[], double> Intersect(Request request)
    {
        Dictionary<byte[], double> common = new(ByteKeys.Instance);
        foreach ((byte[] member, double score) in request.Sources[0].Members)
        {
            double sum = OrZero(score * request.Sources[0].Weight);
            bool all = true;
            foreach (Source source in request.Sources.AsSpan(1))
            {
                double its = 0;
                all = all && source.Members.TryGetValue(member, out its);
                sum = all ? request.Aggregate!(sum, OrZero(its * source.Weight)) : sum;
            }

            if (all)
            {
                common[member] = sum;
            }
        }

        return common;
    }

    private static Dictionary<byte[], double> Subtract(Source[] sources)
    {
        foreach (byte[] member in sources.Skip(1).SelectMany(source => source.Members.Keys).ToArray())
        {
            sources[0].Members.Remove(member);
        }

        return sources[0].Members;
    }

    private sealed class Source(Dictionary<byte[], double> members)
    {
        public Dictionary<byte[], double> Members { get; } = members;

        public double Weight { get; set; } = 1;
    }

    private sealed class Request(string command)
    {
        public bool Stores { get; } = command.EndsWith("store", StringComparison.Ordinal);

        public bool Counts { get; } = command == "zintercard";

        public bool IsUnion { get; } = command.StartsWith("zunion", StringComparison.Ordinal);

        public bool IsDifference { get; } = command.StartsWith("zdiff", StringComparison.Ordinal);

        /// <summary>The argument that is the number of keys.</summary>
        public int NumberAt => Stores ? 2 : 1;

        public Source[] Sources { get; set; } = [];

        public bool WithScores { get; set; }

        public long Limit { get; set; }

        public Func<double, double, double>? Aggregate { get; set; } = Add;
    }
}
