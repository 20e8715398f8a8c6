using System.Diagnostics;
using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Session;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>MULTI, EXEC, DISCARD, WATCH, UNWATCH. The writes of one EXEC are one step, over a crash as well.</summary>
internal static class Transactions
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("transactions",
    [
        new("multi", 1, Immediate | Fast | NoScript | AllowBusy, KeySpec.None, Multi)
            { Since = "1.2.0", Summary = "Mark the start of a transaction block" },
        new("exec", 1, Immediate | NoScript, KeySpec.None, Exec)
            { Since = "1.2.0", Summary = "Execute all commands issued after MULTI" },
        new("discard", 1, Immediate | Fast | NoScript | AllowBusy, KeySpec.None, Discard)
            { Since = "2.0.0", Summary = "Discard all commands issued after MULTI" },
        new("watch", -2, Immediate | Fast | NoScript | AllowBusy, KeySpec.Every, Watch)
            { Since = "2.2.0", Summary = "Watch the given keys to determine execution of the MULTI/EXEC block" },
        new("unwatch", 1, Fast | NoScript | AllowBusy, KeySpec.None, Unwatch)
            { Since = "2.2.0", Summary = "Forget about all watched keys" },
    ]);

    public static void Multi(in Call call)
    {
        if (call.Session.Transaction is not null)
        {
            call.Reply.Error("ERR MULTI calls can not be nested"u8);
            return;
        }

        call.Session.Transaction = new TransactionQueue();
        call.Reply.Ok();
    }

    public static void Discard(in Call call)
    {
        if (call.Session.Transaction is null)
        {
            call.Reply.Error("ERR DISCARD without MULTI"u8);
            return;
        }

        call.Engine.LeaveTransaction(call.Session);
        call.Reply.Ok();
    }

    public static void Watch(in Call call)
    {
        if (call.Session.Transaction is not null)
        {
            call.Reply.Error("ERR WATCH inside MULTI is not allowed"u8);
            return;
        }

        for (int i = 1; i < call.Args.Count; i++)
        {
            call.Engine.Watches.Add(call.Session, call.Args[i]);
        }

        // Each is kept until EXEC, which may never come.
        call.Session.Close |= call.Session.WatchedBytes > call.Engine.Options.QueryBufferLimit;

        call.Reply.Ok();
    }

    public static void Unwatch(in Call call)
    {
        call.Engine.Watches.Remove(call.Session);
        call.Reply.Ok();
    }

    public static void Exec(in Call call)
    {
        ClientSession session = call.Session;
        if (session.Transaction is not { } transaction)
        {
            call.Reply.Error("ERR EXEC without MULTI"u8);
            return;
        }

        bool dirty = call.Engine.Watches.IsDirty(session);
        session.Transaction = null;
        using TransactionQueue queue = transaction;
        call.Engine.LeaveTransaction(session);
        if (transaction.Spoiled)
        {
            call.Reply.Error("EXECABORT Transaction discarded because of previous errors."u8);
            return;
        }

        if (dirty)
        {
            call.Reply.NullArray();
            return;
        }

        RunQueued(call, transaction);
    }

    private static void RunQueued(in Call call, TransactionQueue transaction)
    {
        Eviction.MakeRoom(call.Engine);
        int database = call.Session.Database;
        for (int tries = 0; !TryRunQueued(call, transaction, tries); tries++)
        {
            call.Session.Database = database; // all was taken back, room was made, and it runs again
        }
    }

    /// <summary>False where a command found no room, all was taken back, and there is more now.</summary>
    private static bool TryRunQueued(in Call call, TransactionQueue transaction, int tries)
    {
        ClientSession session = call.Session;
        long start = call.Reply.Position;
        call.Engine.RanOutOfRoom = false;
        if (!TryBegin(call, transaction, out AtomicScope atomic))
        {
            return !Eviction.FreeFor(call, tries, transaction.Bytes);
        }

        call.Reply.Array(transaction.Count);
        session.RunsTransaction = true;
        try
        {
            RunAll(call, transaction);
            session.WrittenTo = call.Engine.Feed.Offset;
            bool again = call.Engine.RanOutOfRoom && call.Engine.MayRetry(tries) && call.Reply.Rewind(start);
            if (!again)
            {
                atomic.Commit();
                return true;
            }
        }
        finally
        {
            session.RunsTransaction = false;
            atomic.Dispose();
        }

        call.Engine.FreeGarbage();
        Eviction.Free(call.Engine, tries, transaction.Bytes, denies: false);
        return false;
    }

    private static bool TryBegin(in Call call, TransactionQueue transaction, out AtomicScope atomic)
    {
        try
        {
            Prepare(call, transaction);
            atomic = call.Engine.BeginAtomic(transaction.MostChanges);
            return true;
        }
        catch (ArenaOutOfSpaceException)
        {
            atomic = default;
            return false;
        }
    }

    private static void RunAll(in Call call, TransactionQueue transaction)
    {
        ClientSession session = call.Session;
        for (int i = 0; i < transaction.Count; i++)
        {
            Arguments args = transaction.ArgumentsAt(i);
            Command command = call.Table.Resolve(args)!;
            if (!session.User.Unlimited
                && Permissions.LateRefusal(new Call(command, args, session, call.Engine)) is { } refusal)
            {
                call.Reply.Error(refusal);
                CommandCounting.CountRejected(session, call.Engine, command);
                continue;
            }

            if (command.Has(DenyOom) && !call.Engine.Keyspace.Ballast.IsIn)
            {
                call.Engine.Statistics.OutOfMemory++;
                call.Reply.Error(Errors.OutOfMemory);
                CommandCounting.CountRejected(session, call.Engine, command);
                continue;
            }

            long start = Stopwatch.GetTimestamp();
            Dispatcher.Run(session, call.Engine, command, args);
            CommandCounting.CountRun(session, call.Engine, command.Number, Stopwatch.GetElapsedTime(start));
        }
    }

    /// <summary>
    /// Databases, and the places of large collections, cannot be made in a group: they are there before one needs them.
    /// </summary>
    private static void Prepare(in Call call, TransactionQueue transaction)
    {
        bool collections = false;
        for (int i = 0; i < transaction.Count; i++)
        {
            Arguments args = transaction.ArgumentsAt(i);
            if (call.Table.Resolve(args) is not { } command)
            {
                continue;
            }

            if (command.Has(NamesDatabases))
            {
                DatabaseCommands.MakeNamed(call.Engine, command, args);
            }

            if (command.Has(Write) && command.Name.StartsWith("function|", StringComparison.Ordinal))
            {
                call.Engine.Keyspace.Functions.Open();
            }

            collections |= command is { Name: "copy" or "move" or "restore", MayWrite: true }
                or { Name: "append" or "setrange" or "setbit" or "bitfield" or "rename" or "renamenx" }
                or { Group: "hash" or "set" or "list" or "sorted-set" or "stream" or "scripting", MayWrite: true };
        }

        if (collections)
        {
            call.Engine.Databases.OpenNested();
        }
    }
}
