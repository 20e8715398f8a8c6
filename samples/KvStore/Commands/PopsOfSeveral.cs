using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>Takes elements of the first of several keys that has any; false where none has, and nothing was
/// replied.</summary>
internal delegate bool PopFirst(in Call call, PopArguments pop, bool asArray);

/// <summary>Takes elements of a collection that has some, and replies them.</summary>
internal delegate void PopFrom<T>(in Call call, ReadOnlySpan<byte> key, T collection, PopArguments pop, bool asArray)
    where T : Collection;

/// <summary>What lists and sorted sets have in common where several keys are asked for elements.</summary>
internal static class PopsOfSeveral
{
    /// <summary>Looks for the first key that has any; false where none has, and nothing was replied.</summary>
    public static bool TryPopFirst<T>(in Call call, T collection, PopArguments pop, bool asArray, PopFrom<T> popFrom)
        where T : Collection
    {
        for (int i = pop.FirstKey; i < pop.FirstKey + pop.KeyCount; i++)
        {
            ReadOnlySpan<byte> key = call.Args[i];
            if (Blocking.IsForAnother(call, key))
            {
                continue;
            }

            if (!collection.TryOpen(key))
            {
                call.Reply.Error(Errors.WrongType);
                return true;
            }

            if (collection.Exists)
            {
                popFrom(call, key, collection, pop, asArray);
                return true;
            }
        }

        return false;
    }

    /// <summary>BLPOP and its kin: keys, then the time to wait.</summary>
    public static void PopOneOrWait(in Call call, RecordType type, bool atFirst, PopFirst popFirst)
    {
        int keys = call.Args.Count - 2;
        if (Blocking.TryDeadline(call, keys + 1, out long deadline))
        {
            PopOrWait(call, type, new PopArguments(1, keys, atFirst, 1), deadline, asArray: false, popFirst);
        }
    }

    /// <summary>BLMPOP and its kin: the time to wait, then what <see cref="PopArguments"/> reads.</summary>
    public static void PopManyOrWait(
        in Call call, RecordType type, ReadOnlySpan<byte> first, ReadOnlySpan<byte> last, PopFirst popFirst)
    {
        if (Blocking.TryDeadline(call, 1, out long deadline)
            && PopArguments.TryRead(call, 2, first, last, out PopArguments pop))
        {
            PopOrWait(call, type, pop, deadline, asArray: true, popFirst);
        }
    }

    private static void PopOrWait(
        in Call call, RecordType type, PopArguments pop, long deadline, bool asArray, PopFirst popFirst)
    {
        if (!popFirst(call, pop, asArray) && !Blocking.TryWait(call, pop.FirstKey, pop.KeyCount, type, deadline))
        {
            call.Reply.NullArray();
        }
    }
}
