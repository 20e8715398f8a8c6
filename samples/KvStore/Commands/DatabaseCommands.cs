using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>SELECT, SWAPDB, DBSIZE, FLUSHDB and FLUSHALL: the numbered databases as such.</summary>
internal static class DatabaseCommands
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("server",
    [
        new("select", 2, Fast | NamesDatabases, KeySpec.None, Select)
        {
            Group = "connection",
            Since = "1.0.0",
            Summary = "Change the selected database for the current connection",
        },
        new("swapdb", 3, Write | Fast | NamesDatabases, KeySpec.None, Swap)
        {
            Also = AclCategories.Keyspace | AclCategories.Dangerous,
            Since = "4.0.0",
            Summary = "Swaps two Redis databases",
        },
        new("dbsize", 1, ReadOnly | Fast, KeySpec.None, DbSize)
        {
            Also = AclCategories.Keyspace,
            Since = "1.0.0",
            Summary = "Return the number of keys in the selected database",
        },
        new("flushdb", -1, Write, KeySpec.None, FlushDb)
        {
            Also = AclCategories.Keyspace | AclCategories.Dangerous,
            Since = "1.0.0",
            Summary = "Remove all keys from the current database",
        },
        new("flushall", -1, Write, KeySpec.None, FlushAll)
        {
            Also = AclCategories.Keyspace | AclCategories.Dangerous,
            Since = "1.0.0",
            Summary = "Remove all keys from all databases",
        },
    ]);

    public static void Select(in Call call)
    {
        if (call.TryDatabase(1, out Database? database))
        {
            call.Session.Database = database!.Number;
            call.Reply.Ok();
        }
    }

    public static void Swap(in Call call)
    {
        if (!TryNumber(call, 1, "ERR invalid first DB index"u8, out _)
            || !TryNumber(call, 2, "ERR invalid second DB index"u8, out _)
            || !call.TryDatabase(1, out Database? first) || !call.TryDatabase(2, out Database? second))
        {
            return;
        }

        if (call.Engine.InGroup && !call.Engine.Databases.MaySwapInGroup)
        {
            call.Reply.Error(Errors.DatabaseIsNew);
            return;
        }

        if (first != second)
        {
            call.Engine.Watches.TouchAll(first!, second);
            call.Engine.Watches.TouchAll(second!, first);
            call.Engine.Statistics.Changes++;
            call.Engine.Databases.Swap(first!.Number, second!.Number);
            call.Engine.Waiting.TouchAll(first.Number);
            call.Engine.Waiting.TouchAll(second.Number);
        }

        call.Reply.Ok();
    }

    public static void DbSize(in Call call) => call.Reply.Integer(call.Keys.Count);

    public static void FlushDb(in Call call)
    {
        if (AreFlushOptions(call))
        {
            Clear(call, call.Engine.Databases.Selected);
            call.Reply.Ok();
        }
    }

    public static void FlushAll(in Call call)
    {
        if (AreFlushOptions(call))
        {
            foreach (Database database in call.Engine.Databases.Made)
            {
                Clear(call, database);
            }

            call.Reply.Ok();
        }
    }

    /// <summary>
    /// Makes what a command of a transaction or a script names: nothing can be made once the group is open. Where
    /// there is no room, the command itself says so.
    /// </summary>
    public static void MakeNamed(KvEngine engine, Command command, Arguments args)
    {
        int first = command.Name switch { "copy" => 3, "move" => 2, _ => 1 };
        for (int i = first; i < args.Count; i++)
        {
            if (Numbers.TryParse(args[i], out long number) && number >= 0 && number < engine.Options.Databases)
            {
                TryMake(engine, (int)number);
            }
        }
    }

    /// <summary>The same for a script, whose commands are not known before.</summary>
    public static void MakeAll(KvEngine engine)
    {
        for (int number = 0; number < engine.Options.Databases; number++)
        {
            TryMake(engine, number);
        }
    }

    private static void TryMake(KvEngine engine, int number)
    {
        if (engine.IsReadOnly || engine.InGroup)
        {
            return;
        }

        try
        {
            engine.Databases.Make(number);
            engine.Databases.PrepareSwap();
        }
        catch (ArenaOutOfSpaceException)
        {
            // The command that needs it is refused.
        }
    }

    private static void Clear(in Call call, Database database)
    {
        call.Engine.TouchAll(database);
        call.Engine.Statistics.Changes += database.Keys.Count;
        database.Clear();
    }

    private static bool AreFlushOptions(in Call call)
    {
        bool right = call.Args.Count == 1
            || (call.Args.Count == 2 && (call.Args.Is(1, "async"u8) || call.Args.Is(1, "sync"u8)));
        if (!right)
        {
            call.Reply.Error(Errors.Syntax);
        }

        return right;
    }

    private static bool TryNumber(in Call call, int index, ReadOnlySpan<byte> error, out int number)
    {
        bool right = Numbers.TryParse(call.Args[index], out long value) && value is >= int.MinValue and <= int.MaxValue;
        number = right ? (int)value : 0;
        if (!right)
        {
            call.Reply.Error(error);
        }

        return right;
    }
}
