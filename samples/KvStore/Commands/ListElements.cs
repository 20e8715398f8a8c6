using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>Lists: what reads and changes elements by their place or their value.</summary>
internal static class ListElements
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("list",
    [
        new("llen", 2, ReadOnly | Fast, KeySpec.One, LLen)
            { KeyAccess = KeyAccess.Exists, Since = "1.0.0", Summary = "Get the length of a list" },
        new("lindex", 3, ReadOnly, KeySpec.One, LIndex)
            { Since = "1.0.0", Summary = "Get an element from a list by its index" },
        new("lrange", 4, ReadOnly, KeySpec.One, LRange)
            { Since = "1.0.0", Summary = "Get a range of elements from a list" },
        new("lset", 4, Write | DenyOom, KeySpec.One, LSet)
            { Since = "1.0.0", Summary = "Set the value of an element in a list by its index" },
        new("linsert", 5, Write | DenyOom, KeySpec.One, LInsert)
            { Since = "2.2.0", Summary = "Insert an element before or after another element in a list" },
        new("lrem", 4, Write, KeySpec.One, LRem)
            { Since = "1.0.0", Summary = "Remove elements from a list" },
        new("ltrim", 4, Write, KeySpec.One, LTrim)
            { Since = "1.0.0", Summary = "Trim a list to the specified range" },
        new("lpos", -3, ReadOnly, KeySpec.One, LPos)
            { Since = "6.0.6", Summary = "Return the index of matching elements on a list" },
    ]);

    public static void LLen(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.List))
        {
            call.Reply.Integer(call.Engine.List.Count);
        }
    }

    public static void LIndex(in Call call)
    {
        ElementList list = call.Engine.List;
        if (!CollectionCalls.TryRead(call, list))
        {
            return;
        }

        long index = 0;
        if (list.Exists && !call.TryInteger(2, out index))
        {
            return;
        }

        long count = list.Count;
        index = index < 0 ? index + count : index;
        if (index >= 0 && index < count)
        {
            call.Reply.Bulk(list.At(index));
        }
        else
        {
            call.Reply.Null();
        }
    }

    public static void LRange(in Call call)
    {
        ElementList list = call.Engine.List;
        if (!call.TryInteger(2, out long start) || !call.TryInteger(3, out long end)
            || !CollectionCalls.TryRead(call, list))
        {
            return;
        }

        if (!TryClamp(ref start, ref end, list.Count))
        {
            call.Reply.Array(0);
            return;
        }

        call.Reply.Array(end - start + 1);
        ListCursor cursor = list.From(start);
        for (; start <= end && cursor.MoveNext(); start++)
        {
            call.Reply.Bulk(cursor.Element);
        }
    }

    public static void LSet(in Call call) => CollectionCalls.Change(
        call, call.Engine.List, 1, static (in Call call, ElementList list) =>
        {
            long index = 0;
            if (!list.Exists)
            {
                call.Reply.Error(Errors.NoSuchKey);
                return;
            }

            if (!call.TryInteger(2, out index))
            {
                return;
            }

            index = index < 0 ? index + list.Count : index;
            if (index < 0 || index >= list.Count)
            {
                call.Reply.Error("ERR index out of range"u8);
                return;
            }

            list.SetAt(index, call.Args[3]);
            call.Reply.Ok();
        });

    public static void LInsert(in Call call)
    {
        if (!call.Args.Is(2, "before"u8) && !call.Args.Is(2, "after"u8))
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        CollectionCalls.Change(call, call.Engine.List, 1, static (in Call call, ElementList list) =>
        {
            long index = list.Exists ? Find(list, call.Args[3]) : -1;
            if (index < 0)
            {
                call.Reply.Integer(list.Exists ? -1 : 0);
                return;
            }

            index += call.Args.Is(2, "after"u8) ? 1 : 0;
            if (index == list.Count)
            {
                list.Push(call.Args[4], atHead: false);
            }
            else
            {
                list.InsertBefore(index, call.Args[4]);
            }

            call.Reply.Integer(list.Count);
        });
    }

    public static void LRem(in Call call)
    {
        if (!call.TryInteger(2, out _))
        {
            return;
        }

        CollectionCalls.Change(call, call.Engine.List, 2, static (in Call call, ElementList list) =>
        {
            if (!call.TryInteger(2, out long count))
            {
                return;
            }

            List<long> found = list.Exists ? FindAll(list, call.Args[3]) : [];
            if (count < 0)
            {
                found = [.. found.TakeLast((int)-Math.Max(count, -int.MaxValue))];
            }
            else if (count > 0 && count < found.Count)
            {
                found = found.GetRange(0, (int)count);
            }

            for (int i = found.Count - 1; i >= 0; i--)
            {
                list.RemoveRange(found[i], 1);
            }

            call.Reply.Integer(found.Count);
        });
    }

    public static void LTrim(in Call call)
    {
        if (!call.TryInteger(2, out _) || !call.TryInteger(3, out _))
        {
            return;
        }

        CollectionCalls.Change(call, call.Engine.List, 2, static (in Call call, ElementList list) =>
        {
            if (!call.TryInteger(2, out long start) || !call.TryInteger(3, out long end))
            {
                return;
            }

            long count = list.Count;
            if (!TryClamp(ref start, ref end, count))
            {
                list.RemoveAll();
            }
            else
            {
                list.RemoveRange(end + 1, count - end - 1);
                list.RemoveRange(0, start);
            }

            call.Reply.Ok();
        });
    }

    public static void LPos(in Call call)
    {
        if (!TryOptions(call, out long rank, out long most, out long looked, out bool many)
            || !CollectionCalls.TryRead(call, call.Engine.List))
        {
            return;
        }

        ElementList list = call.Engine.List;
        List<long> found = list.Exists ? FindAll(list, call.Args[2]) : [];
        long size = list.Count;
        if (rank < 0)
        {
            found.Reverse();
        }

        IEnumerable<long> shown = found
            .Where(index => looked == 0 || (rank > 0 ? index : size - 1 - index) < looked)
            .Skip((int)Math.Min(Math.Abs(rank) - 1, int.MaxValue));
        if (!many)
        {
            long first = shown.FirstOrDefault(-1);
            if (first < 0)
            {
                call.Reply.Null();
            }
            else
            {
                call.Reply.Integer(first);
            }

            return;
        }

        long[] all = [.. most == 0 ? shown : shown.Take((int)Math.Min(most, int.MaxValue))];
        call.Reply.Array(all.Length);
        foreach (long index in all)
        {
            call.Reply.Integer(index);
        }
    }

    /// <summary>Both ends included, counted from the back where negative; false where nothing is between.</summary>
    public static bool TryClamp(ref long start, ref long end, long count)
    {
        start = Math.Max(0, start < 0 ? start + count : start);
        end = Math.Min(count - 1, end < 0 ? end + count : end);
        return start <= end && start < count;
    }

    private static bool TryOptions(
        in Call call, out long rank, out long most, out long looked, out bool many)
    {
        rank = 1;
        most = looked = 0;
        many = false;
        for (int i = 3; i < call.Args.Count; i += 2)
        {
            ReadOnlySpan<byte> error = default;
            if (i + 1 == call.Args.Count)
            {
                error = Errors.Syntax;
            }
            else if (call.Args.Is(i, "rank"u8))
            {
                error = !Numbers.TryParse(call.Args[i + 1], out rank) ? Errors.NotAnInteger
                    : rank == 0 ? Errors.RankZero
                    : rank == long.MinValue ? Errors.NotInLongRange : default;
            }
            else if (call.Args.Is(i, "count"u8))
            {
                many = true;
                error = !Numbers.TryParse(call.Args[i + 1], out most) || most < 0
                    ? "ERR COUNT can't be negative"u8 : default;
            }
            else if (call.Args.Is(i, "maxlen"u8))
            {
                error = !Numbers.TryParse(call.Args[i + 1], out looked) || looked < 0
                    ? "ERR MAXLEN can't be negative"u8 : default;
            }
            else
            {
                error = Errors.Syntax;
            }

            if (!error.IsEmpty)
            {
                call.Reply.Error(error);
                return false;
            }
        }

        return true;
    }

    private static long Find(ElementList list, ReadOnlySpan<byte> element)
    {
        ListCursor cursor = list.From(0);
        for (long index = 0; cursor.MoveNext(); index++)
        {
            if (cursor.Element.SequenceEqual(element))
            {
                return index;
            }
        }

        return -1;
    }

    private static List<long> FindAll(ElementList list, ReadOnlySpan<byte> element)
    {
        List<long> found = [];
        ListCursor cursor = list.From(0);
        for (long index = 0; cursor.MoveNext(); index++)
        {
            if (cursor.Element.SequenceEqual(element))
            {
                found.Add(index);
            }
        }

        return found;
    }
}
