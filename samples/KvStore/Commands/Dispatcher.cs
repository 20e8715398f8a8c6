using System.Runtime.CompilerServices;
using System.Text;
using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Commands;

/// <summary>From the arguments to the command: the checks that come before every command, in Redis's order.</summary>
internal static class Dispatcher
{
    private const int ShownArguments = 128;

    /// <summary>Runs one command; false where it was refused, or queued. The engine's gate is held.</summary>
    public static bool Execute(ClientSession session, KvEngine engine, Command? command, Arguments args)
    {
        engine.Statistics.Commands++;
        if (command is null)
        {
            RejectUnknown(session, engine, args);
            return false;
        }

        if (command.HasSubcommands && args.Count > 1)
        {
            Command? subcommand = command.FindSubcommand(args[1]);
            if (subcommand is null)
            {
                Reject(session, engine, command,
                    $"ERR unknown subcommand '{CString(args[1], ShownArguments)}'. " +
                    $"Try {command.Name.ToUpperInvariant()} HELP.");
                return false;
            }

            command = subcommand;
        }

        if (!Accepts(session, engine, command, args)
            || (session.Transaction is not null && !RunsAtOnce(session, engine, command, args)))
        {
            return false;
        }

        Run(session, engine, command, args);
        return true;
    }

    /// <summary>False, and the error is replied, where a command may not run.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Accepts(ClientSession session, KvEngine engine, Command command, Arguments args)
    {
        if (!command.AcceptsCount(args.Count))
        {
            Reject(session, engine, command, Errors.Arity(command.Name));
            return false;
        }

        if (!session.Authenticated && !command.Has(CommandFlags.NoAuth) && !engine.Users.IsOpen)
        {
            Reject(session, engine, command, Errors.NoAuth);
            return false;
        }

        if (!session.User.Unlimited && Permissions.Refusal(new Call(command, args, session, engine)) is { } refusal)
        {
            Reject(session, engine, command, refusal);
            return false;
        }

        if (engine.Busy is { } script && !command.Has(CommandFlags.AllowBusy))
        {
            Reject(session, engine, command, Errors.Busy(script.IsFunction));
            return false;
        }

        if (engine.Follows && !AcceptsData(session, engine, command))
        {
            return false;
        }

        if ((command.Has(CommandFlags.Write) || IsExecOf(session, command, QueuedEffects.Writes))
            && !AcceptsWrite(session, engine, command))
        {
            return false;
        }

        if (session.IsSubscriber && !command.Has(CommandFlags.OfSubscribers))
        {
            Reject(session, engine, command, $"ERR Can't execute '{command.Name}': only (P|S)SUBSCRIBE / "
                + "(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context");
            return false;
        }

        return true;
    }

    /// <summary>In a transaction: true where a command does not wait for EXEC. Else it is queued, or refused.</summary>
    private static bool RunsAtOnce(ClientSession session, KvEngine engine, Command command, Arguments args)
    {
        if (command.Has(CommandFlags.NoMulti))
        {
            Reject(session, engine, command, "ERR Command not allowed inside a transaction"u8);
            return false;
        }

        TransactionQueue transaction = session.Transaction!;
        if (command.Has(CommandFlags.Immediate))
        {
            return command.Name != "exec" || AcceptsQueued(session, engine, command, transaction.Effects);
        }

        transaction.Enqueue(args, CommandEffects.Of(engine, command, args));
        session.Reply.Simple("QUEUED"u8);
        session.Close |= transaction.Bytes > engine.Options.QueryBufferLimit;
        return false;
    }

    /// <summary>Refuses an EXEC where one of its commands would be refused by now.</summary>
    private static bool AcceptsQueued(
        ClientSession session, KvEngine engine, Command command, QueuedEffects effects)
    {
        ReadOnlySpan<byte> refusal = effects.HasFlag(QueuedEffects.DeniesOom) ? OverLimit(engine) : default;
        if (!refusal.IsEmpty)
        {
            Reject(session, engine, command, refusal);
        }

        return refusal.IsEmpty;
    }

    private static void RejectUnknown(ClientSession session, KvEngine engine, Arguments args)
    {
        if (args.Is(0, "post"u8) || args.Is(0, "host:"u8))
        {
            // A browser was talked into sending this here.
            session.Close = true;
            session.Drop = true;
            return;
        }

        Reject(session, engine, null, UnknownCommand(args));
    }

    private static bool IsExecOf(ClientSession session, Command command, QueuedEffects effect) =>
        command.Name == "exec" && session.Transaction?.Effects.HasFlag(effect) == true;

    /// <summary>Refuses a command on keys where a replica has none, or may not show them.</summary>
    private static bool AcceptsData(ClientSession session, KvEngine engine, Command command)
    {
        bool isOfData = command.IsOfData || IsExecOf(session, command, QueuedEffects.OfData);
        ReadOnlySpan<byte> refusal = isOfData ? engine.DataRefusal : default;
        if (!refusal.IsEmpty)
        {
            Reject(session, engine, command, refusal);
        }

        return refusal.IsEmpty;
    }

    /// <summary>Refuses a write where the store takes none, or has more than it may have.</summary>
    private static bool AcceptsWrite(ClientSession session, KvEngine engine, Command command)
    {
        ReadOnlySpan<byte> refusal = engine.WriteRefusal;
        if (refusal.IsEmpty && command.Has(CommandFlags.DenyOom))
        {
            refusal = OverLimit(engine);
        }

        if (!refusal.IsEmpty)
        {
            Reject(session, engine, command, refusal);
        }

        return refusal.IsEmpty;
    }

    /// <summary>The refusal where keys take more than they may, and none may go; empty else.</summary>
    private static ReadOnlySpan<byte> OverLimit(KvEngine engine)
    {
        if (!engine.IsShort || Eviction.MakeRoom(engine))
        {
            return default;
        }

        engine.Statistics.OutOfMemory++;
        return Errors.OutOfMemory;
    }

    /// <summary>
    /// Runs a command that passed the checks. An arena that is full, or damaged where the command looked, is an error
    /// reply, and nothing is changed.
    /// </summary>
    public static void Run(ClientSession session, KvEngine engine, Command command, Arguments args)
    {
        session.LastCommand = command.Name;
        for (int tries = 0; !TryRun(session, engine, command, args, tries); tries++)
        {
            // Room was made: it runs again.
        }
    }

    /// <summary>False where it found no room, and there is more now.</summary>
    private static bool TryRun(ClientSession session, KvEngine engine, Command command, Arguments args, int tries)
    {
        RespWriter reply = session.Reply;
        long start = reply.Position;
        engine.Databases.Select(session.Database);
        try
        {
            if (command.Keys.First > 0 && args.Bytes > PersistentDictionary.MaximumKeyLength
                && !KeysFit(command, args))
            {
                reply.Error(Errors.KeyTooLong);
                return true;
            }

            if (engine.Databases.Selected.FieldDues.IsDue)
            {
                RemoveGone(engine, command, args);
            }

            RunHandler(session, engine, command, args);
            if (session.Tracking is { } tracking)
            {
                Remember(engine, tracking, command, args);
            }
        }
        catch (ArenaOutOfSpaceException)
        {
            engine.RanOutOfRoom = true;
            if (reply.Rewind(start)
                && Eviction.FreeAny(engine, tries, args.Bytes, command.Has(CommandFlags.DenyOom)))
            {
                return false;
            }

            engine.Statistics.OutOfMemory++;
            Refuse(session, start, Errors.OutOfMemory);
        }
        catch (ArenaException damaged) when (damaged is HeapDamagedException or ValueDamagedException)
        {
            Refuse(session, start, Encoding.UTF8.GetBytes($"ERR {damaged.Message}"));
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Handle(in Call call)
    {
        if (call.Engine.Replicates && call.Command.Has(CommandFlags.Write))
        {
            Propagation.Run(call);
        }
        else
        {
            call.Command.Handler!(call);
        }
    }

    /// <summary>Runs it and shows it to monitors: EXEC behind the commands that it runs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RunHandler(ClientSession session, KvEngine engine, Command command, Arguments args)
    {
        bool isShown = engine.HasMonitors && !command.Has(CommandFlags.ForOperators);
        bool isExec = isShown && command.Name == "exec";
        if (isShown && !isExec)
        {
            engine.Monitors.Show(session, session.Database, args);
        }

        Handle(new Call(command, args, session, engine));
        if (isExec)
        {
            engine.Monitors.Show(session, session.Database, args);
        }
    }

    /// <summary>Remembers what a client with a cache of its own has read.</summary>
    private static void Remember(KvEngine engine, CacheTracking tracking, Command command, Arguments args)
    {
        if (!tracking.Remembers || !command.Has(CommandFlags.ReadOnly) || command.Keys.First == 0
            || command.Group == "scripting")
        {
            return;
        }

        int last = command.Keys.LastOf(args);
        for (int i = command.Keys.FirstOf(args); i <= last; i = command.Keys.Next(i, last))
        {
            engine.Tracking.Remember(tracking.ClientId, args[i], engine.Options.TrackedKeys);
        }
    }

    /// <summary>Puts an error in the place of what a command has replied so far.</summary>
    private static void Refuse(ClientSession session, long start, ReadOnlySpan<byte> error)
    {
        if (session.Reply.Rewind(start))
        {
            session.Reply.Error(error);
            return;
        }

        // A large old value is on its way already, and would say that the command was done. Only damage comes here: a
        // transaction has room for its log from the start.
        session.Drop = true;
        session.Close = true;
    }

    /// <summary>Hashes of which all fields have expired are no keys.</summary>
    private static void RemoveGone(KvEngine engine, Command command, Arguments args)
    {
        int last = command.Keys.First > 0 ? command.Keys.LastOf(args) : -1;
        for (int i = command.Keys.FirstOf(args); i <= last; i = command.Keys.Next(i, last))
        {
            FieldSweep.RemoveGone(engine, args[i]);
        }
    }

    private static bool KeysFit(Command command, Arguments args)
    {
        int last = command.Keys.LastOf(args);
        for (int i = command.Keys.FirstOf(args); i <= last; i = command.Keys.Next(i, last))
        {
            if (args[i].Length > PersistentDictionary.MaximumKeyLength)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Refuses a command before it runs, which spoils the transaction. A refused EXEC ends it.</summary>
    private static void Reject(ClientSession session, KvEngine engine, Command? command, ReadOnlySpan<byte> error)
    {
        if (command?.Name == "exec")
        {
            engine.LeaveTransaction(session);
            ReadOnlySpan<byte> why = error.StartsWith("ERR "u8) ? error[4..] : error;
            session.Reply.Error([.. "EXECABORT Transaction discarded because of: "u8, .. why]);
        }
        else
        {
            session.Transaction?.Spoil();
            session.Reply.Error(error);
        }

        CommandCounting.CountRejected(session, engine, command);
    }

    private static void Reject(ClientSession session, KvEngine engine, Command? command, string error) =>
        Reject(session, engine, command, Encoding.Latin1.GetBytes(error));

    private static string UnknownCommand(Arguments args)
    {
        var shown = new StringBuilder();
        for (int i = 1; i < args.Count && shown.Length < ShownArguments; i++)
        {
            int room = ShownArguments - shown.Length;
            shown.Append('\'').Append(CString(args[i], room)).Append("' ");
        }

        return $"ERR unknown command '{CString(args[0], ShownArguments)}', with args beginning with: {shown}";
    }

    /// <summary>Bytes one to one as characters, up to a NUL and a limit.</summary>
    private static string CString(ReadOnlySpan<byte> bytes, int limit)
    {
        int end = bytes.IndexOf((byte)0);
        bytes = end < 0 ? bytes : bytes[..end];
        return Encoding.Latin1.GetString(bytes.Length > limit ? bytes[..limit] : bytes);
    }
}
