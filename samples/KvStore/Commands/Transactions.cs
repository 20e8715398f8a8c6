using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Server;

namespace KvStore.Commands;

/// <summary>MULTI, EXEC, DISCARD, WATCH, UNWATCH. The writes of one EXEC are one step, over a crash as well.</summary>
internal static class Transactions
{
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

        End(call.Session, call.Engine);
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
            call.Engine.Watches.Add(call.Session, call.Args[i], call.Keys);
        }

        call.Reply.Ok();
    }

    public static void Unwatch(in Call call)
    {
        call.Engine.Watches.Remove(call.Session);
        call.Reply.Ok();
    }

    public static void Exec(in Call call)
    {
        Session session = call.Session;
        if (session.Transaction is not { } transaction)
        {
            call.Reply.Error("ERR EXEC without MULTI"u8);
            return;
        }

        bool dirty = WatchTable.IsDirty(session, call.Keys);
        End(session, call.Engine);
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

        call.Reply.Array(transaction.Count);
        AtomicScope atomic = call.Engine.BeginAtomic(transaction.MostChanges);
        try
        {
            for (int i = 0; i < transaction.Count; i++)
            {
                Dispatcher.Run(session, call.Engine, transaction.CommandAt(i), transaction.ArgumentsAt(i));
            }

            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }
    }

    /// <summary>Leaves MULTI and forgets what is watched.</summary>
    public static void End(Session session, KvEngine engine)
    {
        session.Transaction = null;
        engine.Watches.Remove(session);
    }
}

/// <summary>The commands between MULTI and EXEC: their bytes one behind the other.</summary>
internal sealed class TransactionQueue
{
    private readonly List<(Command Command, int First, int Count)> _commands = [];
    private readonly List<Slice> _slices = [];
    private byte[] _bytes = new byte[256];
    private int _used;

    /// <summary>True after a command that was refused: EXEC will not run.</summary>
    public bool Spoiled { get; private set; }

    public int Count => _commands.Count;

    /// <summary>Bytes of arguments held.</summary>
    public long Bytes => _used;

    /// <summary>How many keys the commands change at most, as far as their arguments say: each argument of one that writes may be a key.</summary>
    public int MostChanges { get; private set; }

    public void Spoil() => Spoiled = true;

    public void Enqueue(Command command, Arguments args)
    {
        _commands.Add((command, _slices.Count, args.Count));
        MostChanges += command.Has(CommandFlags.Write) ? args.Count : 0;
        for (int i = 0; i < args.Count; i++)
        {
            ReadOnlySpan<byte> arg = args[i];
            if (_used + arg.Length > _bytes.Length)
            {
                Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max((long)_used + arg.Length, _bytes.Length * 2L)));
            }

            arg.CopyTo(_bytes.AsSpan(_used));
            _slices.Add(new Slice(_used, arg.Length));
            _used += arg.Length;
        }
    }

    public Command CommandAt(int index) => _commands[index].Command;

    public Arguments ArgumentsAt(int index)
    {
        (_, int first, int count) = _commands[index];
        return new Arguments(_bytes.AsSpan(0, _used), System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_slices).Slice(first, count));
    }
}
