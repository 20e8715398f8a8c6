using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>Lists: what works at their ends, and between lists.</summary>
internal static class Lists
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("list",
    [
        new("lpush", -3, Write | DenyOom | Fast, KeySpec.One, LPush)
            { Since = "1.0.0", Summary = "Prepend one or multiple elements to a list" },
        new("rpush", -3, Write | DenyOom | Fast, KeySpec.One, RPush)
            { Since = "1.0.0", Summary = "Append one or multiple elements to a list" },
        new("lpushx", -3, Write | DenyOom | Fast, KeySpec.One, LPush)
            { Event = "lpush", Since = "2.2.0", Summary = "Prepend an element to a list, only if the list exists" },
        new("rpushx", -3, Write | DenyOom | Fast, KeySpec.One, RPush)
            { Event = "rpush", Since = "2.2.0", Summary = "Append an element to a list, only if the list exists" },
        new("lpop", -2, Write | Fast, KeySpec.One, LPop)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "1.0.0",
            Summary = "Remove and get the first elements in a list",
        },
        new("rpop", -2, Write | Fast, KeySpec.One, RPop)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "1.0.0",
            Summary = "Remove and get the last elements in a list",
        },
        new("lmpop", -4, Write, KeySpec.CountedBy(1), LMPop)
            { KeyAccess = KeyAccess.ReadWrite, Since = "7.0.0", Summary = "Pop elements from a list" },
        new("lmove", 5, Write | DenyOom, KeySpec.Two, LMove)
        {
            KeyAccess = KeyAccess.ReadWrite,
            SecondKeyAccess = KeyAccess.Write,
            Since = "6.2.0",
            Summary = "Pop an element from a list, push it to another list and return it",
        },
        new("rpoplpush", 3, Write | DenyOom, KeySpec.Two, RPopLPush)
        {
            KeyAccess = KeyAccess.ReadWrite,
            SecondKeyAccess = KeyAccess.Write,
            Since = "1.2.0",
            Summary = "Remove the last element in a list, prepend it to another list and return it",
        },
    ]);

    public static void LPush(in Call call) => Push(call);

    public static void RPush(in Call call) => Push(call);

    public static void LPop(in Call call) => Pop(call);

    public static void RPop(in Call call) => Pop(call);

    public static void LMove(in Call call)
    {
        if (TryEnd(call, 3, out bool fromHead) && TryEnd(call, 4, out bool toHead))
        {
            MoveOrNull(call, fromHead, toHead);
        }
        else
        {
            call.Reply.Error(Errors.Syntax);
        }
    }

    public static void RPopLPush(in Call call) => MoveOrNull(call, fromHead: false, toHead: true);

    public static void LMPop(in Call call)
    {
        if (PopArguments.TryRead(call, 1, "left"u8, "right"u8, out PopArguments pop)
            && !TryPopFirst(call, pop, asArray: true))
        {
            call.Reply.NullArray();
        }
    }

    /// <summary>True for LEFT and RIGHT.</summary>
    internal static bool TryEnd(in Call call, int index, out bool isHead)
    {
        isHead = call.Args.Is(index, "left"u8);
        return isHead || call.Args.Is(index, "right"u8);
    }

    private static void Push(in Call call) => CollectionCalls.Change(
        call, call.Engine.List, call.Args.Count - 2, static (in Call call, ElementList list) =>
        {
            bool onlyIfThere = call.Command.Name[^1] == 'x';
            for (int i = 2; i < call.Args.Count && (list.Exists || !onlyIfThere); i++)
            {
                list.Push(call.Args[i], atHead: call.Command.Name[0] == 'l');
            }

            call.Reply.Integer(list.Count);
        });

    private static void Pop(in Call call)
    {
        if (call.Args.Count > 3)
        {
            call.Reply.Error(Errors.Arity(call.Command.Name));
            return;
        }

        if (call.Args.Count == 3 && (!Numbers.TryParse(call.Args[2], out long count) || count < 0))
        {
            call.Reply.Error(Errors.NotPositive);
            return;
        }

        CollectionCalls.Change(call, call.Engine.List, call.Args.Count - 1, static (in Call call, ElementList list) =>
        {
            bool fromHead = call.Command.Name[0] == 'l';
            if (call.Args.Count == 2)
            {
                if (list.Exists)
                {
                    call.Reply.Bulk(list.Pop(fromHead));
                }
                else
                {
                    call.Reply.Null();
                }
            }
            else if (!list.Exists)
            {
                call.Reply.NullArray();
            }
            else if (call.TryInteger(2, out long count))
            {
                PopMany(call, list, fromHead, count);
            }
        });
    }

    private static void PopMany(in Call call, ElementList list, bool fromHead, long count)
    {
        long size = list.Count;
        count = Math.Min(count, size);
        call.Reply.Array(count);
        List<byte[]> elements = [];
        ListCursor cursor = list.From(fromHead ? 0 : size - count);
        for (long i = 0; i < count && cursor.MoveNext(); i++)
        {
            elements.Add(cursor.Element.ToArray());
        }

        if (!fromHead)
        {
            elements.Reverse();
        }

        foreach (byte[] element in elements)
        {
            call.Reply.Bulk(element);
        }

        list.RemoveRange(fromHead ? 0 : size - count, count);
    }

    private static void MoveOrNull(in Call call, bool fromHead, bool toHead)
    {
        if (!TryMove(call, fromHead, toHead))
        {
            call.Reply.Null();
        }
    }

    /// <summary>Moves an element; false where there is none, and nothing was replied.</summary>
    internal static bool TryMove(in Call call, bool fromHead, bool toHead)
    {
        ElementList from = call.Engine.List;
        bool isOne = call.Key.SequenceEqual(call.Args[2]);
        ElementList to = isOne ? from : call.Engine.NewList();
        if (!from.TryOpen(call.Key) || (from.Exists && !isOne && !to.TryOpen(call.Args[2])))
        {
            call.Reply.Error(Errors.WrongType);
            return true;
        }

        if (!from.Exists)
        {
            return false;
        }

        PopEffects.Moved(call, fromHead, toHead);
        byte[] element;
        AtomicScope atomic = call.Engine.BeginAtomic(4);
        try
        {
            element = from.Pop(fromHead);
            to.Push(element, toHead);
            from.Commit();
            if (!isOne)
            {
                to.Commit();
            }

            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }

        call.Changed(call.Key, KeyEvents.List, fromHead ? "lpop" : "rpop");
        if (!from.Exists)
        {
            call.Published(call.Key, KeyEvents.Generic, "del");
        }

        call.Changed(call.Args[2], KeyEvents.List, toHead ? "lpush" : "rpush");
        call.Reply.Bulk(element);
        return true;
    }

    /// <summary>Takes elements of the first key that has any; false where none has, and nothing was replied.</summary>
    internal static bool TryPopFirst(in Call call, PopArguments pop, bool asArray) =>
        PopsOfSeveral.TryPopFirst(call, call.Engine.List, pop, asArray, PopFrom);

    private static void PopFrom(in Call call, ReadOnlySpan<byte> key, ElementList list, PopArguments pop, bool asArray)
    {
        PopEffects.Popped(
            call, pop.AtFirst ? "LPOP"u8 : "RPOP"u8, key, asArray ? Math.Min(pop.Most, list.Count) : 1);
        AtomicScope atomic = call.Engine.BeginAtomic(list.IsLarge ? 2 : 0);
        try
        {
            call.Reply.Array(2);
            call.Reply.Bulk(key);
            if (asArray)
            {
                PopMany(call, list, pop.AtFirst, pop.Most);
            }
            else
            {
                call.Reply.Bulk(list.Pop(pop.AtFirst));
            }

            list.Commit();
            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }

        call.Changed(key, KeyEvents.List, pop.AtFirst ? "lpop" : "rpop");
        if (!list.Exists)
        {
            call.Published(key, KeyEvents.Generic, "del");
        }
    }
}
