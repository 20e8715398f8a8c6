using System.Globalization;
using System.Text;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>ZSCAN and ZRANDMEMBER.</summary>
internal static class SortedSetScans
{
    private const long LargestCount = 1L << 32;

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("sorted-set",
    [
        new("zscan", -3, ReadOnly, KeySpec.One, ZScan)
            { Since = "2.8.0", Summary = "Incrementally iterate sorted sets elements and associated scores" },
        new("zrandmember", -2, ReadOnly, KeySpec.One, ZRandMember)
            { Since = "6.2.0", Summary = "Get one or multiple random elements from a sorted set" },
    ]);

    /// <summary>One step through a sorted set, in the order of members; a small one is one step.</summary>
    public static void ZScan(in Call call)
    {
        if (!Scanning.TryCursor(call.Args[2], out ulong number))
        {
            call.Reply.Error("ERR invalid cursor"u8);
            return;
        }

        ScoredSet set = call.Engine.SortedSet;
        if (!CollectionCalls.TryRead(call, set))
        {
            return;
        }

        long count = ElementScan.DefaultCount;
        ReadOnlySpan<byte> pattern = "*"u8;
        if (set.Exists && !ElementScan.TryOptions(call, ref count, ref pattern))
        {
            return;
        }

        using Scanning.KeyCollector found = new(Scanning.LongestReply(call));
        ScanCursors cursors = call.Engine.ScanCursors;
        long left = set.IsLarge ? Math.Min(count, LargestCount) : long.MaxValue;
        ReadOnlySpan<byte> from = cursors.Take(number);
        number = 0;
        foreach (Scored each in set.Exists ? set.MembersFrom(from) : [])
        {
            if (left-- == 0)
            {
                number = cursors.Put(each.Member);
                break;
            }

            if (Glob.IsMatch(pattern, each.Member))
            {
                found.Add(each.Member);
                found.Add(Encoding.ASCII.GetBytes(ScoreText.Format(each.Score)));
            }
        }

        call.Reply.Array(2);
        call.Reply.Bulk(number.ToString(CultureInfo.InvariantCulture));
        found.Reply(call);
    }

    public static void ZRandMember(in Call call)
    {
        ScoredSet set = call.Engine.SortedSet;
        if (call.Args.Count == 2)
        {
            if (CollectionCalls.TryRead(call, set))
            {
                ReplyOne(call, set);
            }

            return;
        }

        if (!call.TryInteger(2, out long count))
        {
            return;
        }

        bool scores = call.Args.Count == 4 && call.Args.Is(3, "withscores"u8);
        if (call.Args.Count > 4 || (call.Args.Count == 4 && !scores))
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        if (count == long.MinValue || (scores && (count < -(long.MaxValue / 2) || count > long.MaxValue / 2)))
        {
            call.Reply.Error(Errors.NotInRange);
            return;
        }

        if (CollectionCalls.TryRead(call, set))
        {
            SortedSets.ReplyScored(call, Random(set, count), scores, call.Reply.Resp3);
        }
    }

    private static void ReplyOne(in Call call, ScoredSet set)
    {
        if (!set.Exists)
        {
            call.Reply.Null();
            return;
        }

        long at = System.Random.Shared.NextInt64(set.Count);
        call.Reply.Bulk(set.Range(at, at)[0].Member);
    }

    /// <summary>Different ones, or, with a negative count, so many whatever comes twice.</summary>
    private static List<Scored> Random(ScoredSet set, long count)
    {
        long size = set.Count;
        if (count == 0 || size == 0)
        {
            return [];
        }

        if (count >= size)
        {
            return set.Range(0, size - 1);
        }

        List<Scored> chosen = [];
        HashSet<long> seen = [];
        long elements = Math.Abs(count);
        for (long i = 0; i < elements; i++)
        {
            // Floyd's way: each choice of so many is as likely as any other.
            long index = System.Random.Shared.NextInt64(count < 0 ? size : size - elements + i + 1);
            if (count > 0 && !seen.Add(index))
            {
                index = size - elements + i;
                seen.Add(index);
            }

            chosen.AddRange(set.Range(index, index));
        }

        return chosen;
    }
}
