using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>Sorted sets: what takes members of the first of several keys that has any, or waits for one.</summary>
internal static class SortedSetPops
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("sorted-set",
    [
        new("zmpop", -4, Write, KeySpec.CountedBy(1), ZMPop)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "7.0.0",
            Summary = "Remove and return members with scores in a sorted set",
        },
        new("bzmpop", -5, Write | CommandFlags.Blocking, KeySpec.CountedBy(2), BZMPop)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "7.0.0",
            Summary = "Remove and return members with scores in a sorted set, or block until one is available",
        },
        new("bzpopmin", -3, Write | NoScript | CommandFlags.Blocking | Fast, new KeySpec(1, -2, 1), BZPop)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "5.0.0",
            Summary = "Remove and return the member with the lowest score from one or more sorted sets, "
                + "or block until one is available",
        },
        new("bzpopmax", -3, Write | NoScript | CommandFlags.Blocking | Fast, new KeySpec(1, -2, 1), BZPop)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "5.0.0",
            Summary = "Remove and return the member with the highest score from one or more sorted sets, "
                + "or block until one is available",
        },
    ]);

    public static void ZMPop(in Call call)
    {
        if (PopArguments.TryRead(call, 1, "min"u8, "max"u8, out PopArguments pop)
            && !TryPopFirst(call, pop, asArray: true))
        {
            call.Reply.NullArray();
        }
    }

    public static void BZMPop(in Call call) =>
        PopsOfSeveral.PopManyOrWait(call, RecordType.SortedSet, "min"u8, "max"u8, TryPopFirst);

    public static void BZPop(in Call call) =>
        PopsOfSeveral.PopOneOrWait(call, RecordType.SortedSet, call.Command.Name == "bzpopmin", TryPopFirst);

    /// <summary>Takes members of the first key that has any; false where none has, and nothing was replied.</summary>
    private static bool TryPopFirst(in Call call, PopArguments pop, bool asArray) =>
        PopsOfSeveral.TryPopFirst(call, call.Engine.SortedSet, pop, asArray, PopFrom);

    private static void PopFrom(in Call call, ReadOnlySpan<byte> key, ScoredSet set, PopArguments pop, bool asArray)
    {
        long count = Math.Min(pop.Most, set.Count);
        PopEffects.Popped(call, pop.AtFirst ? "ZPOPMIN"u8 : "ZPOPMAX"u8, key, count);
        List<Scored> popped = pop.AtFirst
            ? set.Range(0, count - 1)
            : set.Range(set.Count - count, set.Count - 1);
        if (!pop.AtFirst)
        {
            popped.Reverse();
        }

        AtomicScope atomic = call.Engine.BeginAtomic(set.IsLarge ? 2 : 0);
        try
        {
            foreach (Scored each in popped)
            {
                set.Remove(each.Member);
            }

            set.Commit();
            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }

        call.Changed(key, KeyEvents.SortedSet, pop.AtFirst ? "zpopmin" : "zpopmax");
        if (!set.Exists)
        {
            call.Published(key, KeyEvents.Generic, "del");
        }

        Reply(call.Reply, key, popped, asArray);
    }

    private static void Reply(RespWriter reply, ReadOnlySpan<byte> key, List<Scored> popped, bool asArray)
    {
        reply.Array(asArray ? 2 : 3);
        reply.Bulk(key);
        if (asArray)
        {
            reply.Array(popped.Count);
        }

        foreach (Scored each in popped)
        {
            if (asArray)
            {
                reply.Array(2);
            }

            reply.Bulk(each.Member);
            SortedSets.ReplyScore(reply, each.Score);
        }
    }
}
