using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>Lists: what waits for an element.</summary>
internal static class BlockingLists
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("list",
    [
        new("blpop", -3, Write | NoScript | CommandFlags.Blocking, new KeySpec(1, -2, 1), BPop)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "2.0.0",
            Summary = "Remove and get the first element in a list, or block until one is available",
        },
        new("brpop", -3, Write | NoScript | CommandFlags.Blocking, new KeySpec(1, -2, 1), BPop)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "2.0.0",
            Summary = "Remove and get the last element in a list, or block until one is available",
        },
        new("blmpop", -5, Write | CommandFlags.Blocking, KeySpec.CountedBy(2), BLMPop)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "7.0.0",
            Summary = "Pop elements from a list, or block until one is available",
        },
        new("blmove", 6, Write | DenyOom | NoScript | CommandFlags.Blocking, KeySpec.Two, BLMove)
        {
            KeyAccess = KeyAccess.ReadWrite,
            SecondKeyAccess = KeyAccess.Write,
            Since = "6.2.0",
            Summary = "Pop an element from a list, push it to another list and return it; "
                + "or block until one is available",
        },
        new("brpoplpush", 4, Write | DenyOom | NoScript | CommandFlags.Blocking, KeySpec.Two, BRPopLPush)
        {
            KeyAccess = KeyAccess.ReadWrite,
            SecondKeyAccess = KeyAccess.Write,
            Since = "2.2.0",
            Summary = "Pop an element from a list, push it to another list and return it; "
                + "or block until one is available",
        },
    ]);

    public static void BPop(in Call call) =>
        PopsOfSeveral.PopOneOrWait(call, RecordType.List, call.Command.Name == "blpop", Lists.TryPopFirst);

    public static void BLMPop(in Call call) =>
        PopsOfSeveral.PopManyOrWait(call, RecordType.List, "left"u8, "right"u8, Lists.TryPopFirst);

    public static void BLMove(in Call call)
    {
        if (!Lists.TryEnd(call, 3, out bool fromHead) || !Lists.TryEnd(call, 4, out bool toHead))
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        MoveOrWait(call, 5, fromHead, toHead);
    }

    public static void BRPopLPush(in Call call) => MoveOrWait(call, 3, fromHead: false, toHead: true);

    private static void MoveOrWait(in Call call, int timeout, bool fromHead, bool toHead)
    {
        if (Blocking.TryDeadline(call, timeout, out long deadline)
            && !Lists.TryMove(call, fromHead, toHead)
            && !Blocking.TryWait(call, 1, 1, RecordType.List, deadline))
        {
            call.Reply.Null();
        }
    }
}
