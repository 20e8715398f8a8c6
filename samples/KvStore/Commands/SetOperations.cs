using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>Intersections, unions and differences of sets.</summary>
internal static class SetOperations
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("set",
    [
        new("sinter", -2, ReadOnly, KeySpec.Every, SInter)
            { Since = "1.0.0", Summary = "Intersect multiple sets" },
        new("sinterstore", -3, Write | DenyOom, KeySpec.Every, SInterStore)
        {
            KeyAccess = KeyAccess.Write,
            SecondKeyAccess = KeyAccess.Read,
            Since = "1.0.0",
            Summary = "Intersect multiple sets and store the resulting set in a key",
        },
        new("sintercard", -3, ReadOnly, KeySpec.CountedBy(1), SInterCard)
            { Since = "7.0.0", Summary = "Intersect multiple sets and return the cardinality of the result" },
        new("sunion", -2, ReadOnly, KeySpec.Every, SUnion)
            { Since = "1.0.0", Summary = "Add multiple sets" },
        new("sunionstore", -3, Write | DenyOom, KeySpec.Every, SUnionStore)
        {
            KeyAccess = KeyAccess.Write,
            SecondKeyAccess = KeyAccess.Read,
            Since = "1.0.0",
            Summary = "Add multiple sets and store the resulting set in a key",
        },
        new("sdiff", -2, ReadOnly, KeySpec.Every, SDiff)
            { Since = "1.0.0", Summary = "Subtract multiple sets" },
        new("sdiffstore", -3, Write | DenyOom, KeySpec.Every, SDiffStore)
        {
            KeyAccess = KeyAccess.Write,
            SecondKeyAccess = KeyAccess.Read,
            Since = "1.0.0",
            Summary = "Subtract multiple sets and store the resulting set in a key",
        },
    ]);

    private delegate IReadOnlyCollection<byte[]> Operation(FieldMap[] sets);

    public static void SInter(in Call call) => Reply(call, Intersect);

    public static void SInterStore(in Call call) => Store(call, Intersect);

    public static void SUnion(in Call call) => Reply(call, Unite);

    public static void SUnionStore(in Call call) => Store(call, Unite);

    public static void SDiff(in Call call) => Reply(call, Subtract);

    public static void SDiffStore(in Call call) => Store(call, Subtract);

    public static void SInterCard(in Call call)
    {
        if (!Numbers.TryParse(call.Args[1], out long keys) || keys < 1)
        {
            call.Reply.Error("ERR numkeys should be greater than 0"u8);
            return;
        }

        if (keys > call.Args.Count - 2)
        {
            call.Reply.Error("ERR Number of keys can't be greater than number of args"u8);
            return;
        }

        long limit = 0;
        for (int i = (int)keys + 2; i < call.Args.Count; i++)
        {
            if (!call.Args.Is(i, "limit"u8) || i + 1 == call.Args.Count)
            {
                call.Reply.Error(Errors.Syntax);
                return;
            }

            if (!Numbers.TryParse(call.Args[++i], out limit) || limit < 0)
            {
                call.Reply.Error("ERR LIMIT can't be negative"u8);
                return;
            }
        }

        if (TryOpen(call, 2, (int)keys, out FieldMap[] sets))
        {
            long count = Intersect(sets).Count;
            call.Reply.Integer(limit > 0 ? Math.Min(limit, count) : count);
        }
    }

    private static void Reply(in Call call, Operation operation)
    {
        if (!TryOpen(call, 1, call.Args.Count - 1, out FieldMap[] sets))
        {
            return;
        }

        IReadOnlyCollection<byte[]> members = operation(sets);
        call.Reply.Set(members.Count);
        foreach (byte[] member in members)
        {
            call.Reply.Bulk(member);
        }
    }

    private static void Store(in Call call, Operation operation)
    {
        if (!TryOpen(call, 2, call.Args.Count - 2, out FieldMap[] sets))
        {
            return;
        }

        CollectionCalls.Store(
            call, call.Key, call.Engine.Set, operation(sets), static (result, member) => result.Add(member));
    }

    private static bool TryOpen(in Call call, int first, int count, out FieldMap[] sets)
    {
        sets = new FieldMap[count];
        for (int i = 0; i < sets.Length; i++)
        {
            sets[i] = call.Engine.NewSet();
            if (!CollectionCalls.TryRead(call, sets[i], call.Args[first + i]))
            {
                return false;
            }
        }

        return true;
    }

    private static List<byte[]> Intersect(FieldMap[] sets)
    {
        FieldMap smallest = sets.MinBy(set => set.Count)!;
        List<byte[]> members = [];
        FieldCursor cursor = smallest.Scan();
        while (cursor.MoveNext())
        {
            bool all = true;
            foreach (FieldMap set in sets)
            {
                all = all && (ReferenceEquals(set, smallest) || set.TryGet(cursor.Field, out _));
            }

            if (all)
            {
                members.Add(cursor.Field.ToArray());
            }
        }

        return members;
    }

    private static HashSet<byte[]> Unite(FieldMap[] sets)
    {
        HashSet<byte[]> members = new(ByteKeys.Instance);
        foreach (FieldMap set in sets)
        {
            FieldCursor cursor = set.Scan();
            while (cursor.MoveNext())
            {
                members.GetAlternateLookup<ReadOnlySpan<byte>>().Add(cursor.Field);
            }
        }

        return members;
    }

    private static List<byte[]> Subtract(FieldMap[] sets)
    {
        List<byte[]> members = [];
        FieldCursor cursor = sets[0].Scan();
        while (cursor.MoveNext())
        {
            bool any = false;
            for (int i = 1; i < sets.Length && !any; i++)
            {
                any = sets[i].TryGet(cursor.Field, out _);
            }

            if (!any)
            {
                members.Add(cursor.Field.ToArray());
            }
        }

        return members;
    }
}
