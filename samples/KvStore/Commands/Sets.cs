using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>Sets: members under one key.</summary>
internal static class Sets
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("set",
    [
        new("sadd", -3, Write | DenyOom | Fast, KeySpec.One, SAdd)
            { Since = "1.0.0", Summary = "Add one or more members to a set" },
        new("srem", -3, Write | Fast, KeySpec.One, SRem)
            { Since = "1.0.0", Summary = "Remove one or more members from a set" },
        new("sismember", 3, ReadOnly | Fast, KeySpec.One, SIsMember)
        {
            KeyAccess = KeyAccess.Exists,
            Since = "1.0.0",
            Summary = "Determine if a given value is a member of a set",
        },
        new("smismember", -3, ReadOnly | Fast, KeySpec.One, SMIsMember)
        {
            Since = "6.2.0",
            Summary = "Returns the membership associated with the given elements for a set",
        },
        new("smembers", 2, ReadOnly, KeySpec.One, SMembers)
            { Since = "1.0.0", Summary = "Get all the members in a set" },
        new("scard", 2, ReadOnly | Fast, KeySpec.One, SCard)
            { KeyAccess = KeyAccess.Exists, Since = "1.0.0", Summary = "Get the number of members in a set" },
        new("spop", -2, Write | Fast, KeySpec.One, SPop)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "1.0.0",
            Summary = "Remove and return one or multiple random members from a set",
        },
        new("srandmember", -2, ReadOnly, KeySpec.One, SRandMember)
            { Since = "1.0.0", Summary = "Get one or multiple random members from a set" },
        new("smove", 4, Write | Fast, KeySpec.Two, SMove)
        {
            KeyAccess = KeyAccess.ReadWrite,
            SecondKeyAccess = KeyAccess.Write,
            Since = "1.0.0",
            Summary = "Move a member from one set to another",
        },
        new("sscan", -3, ReadOnly, KeySpec.One, SScan)
            { Since = "2.8.0", Summary = "Incrementally iterate Set elements" },
    ]);

    public static void SAdd(in Call call)
    {
        if (!CollectionCalls.AreShort(call, 2, 1))
        {
            return;
        }

        CollectionCalls.Change(call, call.Engine.Set, call.Args.Count - 2, static (in Call call, FieldMap set) =>
        {
            int added = 0;
            for (int i = 2; i < call.Args.Count; i++)
            {
                added += set.Add(call.Args[i]) ? 1 : 0;
            }

            call.Reply.Integer(added);
        });
    }

    public static void SRem(in Call call) => CollectionCalls.Change(
        call, call.Engine.Set, call.Args.Count - 2, static (in Call call, FieldMap set) =>
        {
            int removed = 0;
            for (int i = 2; i < call.Args.Count && set.Exists; i++)
            {
                removed += set.Remove(call.Args[i]) ? 1 : 0;
            }

            call.Reply.Integer(removed);
        });

    public static void SIsMember(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.Set))
        {
            call.Reply.Integer(call.Engine.Set.TryGet(call.Args[2], out _) ? 1 : 0);
        }
    }

    public static void SMIsMember(in Call call)
    {
        if (!CollectionCalls.TryRead(call, call.Engine.Set))
        {
            return;
        }

        call.Reply.Array(call.Args.Count - 2);
        for (int i = 2; i < call.Args.Count; i++)
        {
            call.Reply.Integer(call.Engine.Set.TryGet(call.Args[i], out _) ? 1 : 0);
        }
    }

    public static void SMembers(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.Set))
        {
            ReplyAll(call, call.Engine.Set);
        }
    }

    public static void SCard(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.Set))
        {
            call.Reply.Integer(call.Engine.Set.Count);
        }
    }

    public static void SPop(in Call call)
    {
        if (call.Args.Count > 3)
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        long count = 1;
        if (call.Args.Count == 3 && (!Numbers.TryParse(call.Args[2], out count) || count < 0))
        {
            call.Reply.Error(Errors.NotPositive);
            return;
        }

        int most = (int)Math.Min(count, 1 << 20);
        CollectionCalls.Change(call, call.Engine.Set, most, static (in Call call, FieldMap set) =>
        {
            if (call.Args.Count == 2)
            {
                PopOne(call, set);
            }
            else if (call.TryInteger(2, out long count))
            {
                PopMany(call, set, count);
            }
        });
    }

    public static void SRandMember(in Call call)
    {
        FieldMap set = call.Engine.Set;
        if (call.Args.Count > 3)
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        if (call.Args.Count == 3)
        {
            if (!call.TryInteger(2, out long count))
            {
                return;
            }

            if (count == long.MinValue)
            {
                call.Reply.Error(Errors.NotInLongRange);
                return;
            }

            if (CollectionCalls.TryRead(call, set))
            {
                ElementScan.ReplyRandom(call, set, count, withValues: false);
            }
        }
        else if (CollectionCalls.TryRead(call, set))
        {
            if (set.Exists)
            {
                call.Reply.Bulk(set.AtRandom().Key);
            }
            else
            {
                call.Reply.Null();
            }
        }
    }

    public static void SMove(in Call call)
    {
        FieldMap from = call.Engine.Set;
        FieldMap to = call.Engine.NewSet();
        bool isOne = call.Key.SequenceEqual(call.Args[2]);
        if (!from.TryOpen(call.Key) || (from.Exists && !to.TryOpen(call.Args[2])))
        {
            call.Reply.Error(Errors.WrongType);
            return;
        }

        if (!from.TryGet(call.Args[3], out _) || isOne)
        {
            call.Reply.Integer(from.TryGet(call.Args[3], out _) ? 1 : 0);
            return;
        }

        AtomicScope atomic = call.Engine.BeginAtomic(4);
        try
        {
            from.Remove(call.Args[3]);
            from.Commit();
            to.Add(call.Args[3]);
            to.Commit();
            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }

        call.Changed(call.Key, KeyEvents.Set, "srem");
        if (!from.Exists)
        {
            call.Published(call.Key, KeyEvents.Generic, "del");
        }

        call.Changed(call.Args[2], KeyEvents.Set, "sadd");
        call.Reply.Integer(1);
    }

    public static void SScan(in Call call) => ElementScan.Run(call, call.Engine.Set, withValues: false);

    public static void ReplyAll(in Call call, FieldMap set)
    {
        call.Reply.Set(set.Count);
        FieldCursor cursor = set.Scan();
        while (cursor.MoveNext())
        {
            call.Reply.Bulk(cursor.Field);
        }
    }

    private static void PopOne(in Call call, FieldMap set)
    {
        if (!set.Exists)
        {
            call.Reply.Null();
            return;
        }

        byte[] member = set.AtRandom().Key;
        call.Reply.Bulk(member);
        set.Remove(member);
        if (call.Engine.Replicates)
        {
            call.Engine.Feed.Taken.Add(member);
        }
    }

    private static void PopMany(in Call call, FieldMap set, long count)
    {
        if (count >= set.Count)
        {
            ReplyAll(call, set);
            set.RemoveAll();
            return;
        }

        call.Reply.Set(count);
        for (long i = 0; i < count; i++)
        {
            PopOne(call, set);
        }
    }
}
