using System.Text;
using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Memory;
using KvStore.Protocol;
using KvStore.Replication;
using KvStore.Scripts;
using KvStore.Session;
using KvStore.Transport;

namespace KvStore.Commands;

/// <summary>
/// Does what a master sends. Each command, and each transaction of its, is a group of the heap, in which the bytes that
/// say it become the history's: after a kill the data is what the position says.
/// </summary>
/// <remarks>
/// <para>It may change data, publish, and select; what else a server can be told is not done. For it nothing has
/// expired: that was the master's to see.</para>
/// <para>Used under the engine's gate, on the loop's thread.</para>
/// </remarks>
internal sealed class MasterStream : IDisposable
{
    private const int MostShown = 16;

    private static readonly AclUser s_user = Unlimited();

    private readonly KvEngine _engine;
    private readonly RequestParser _parser;
    private readonly ReplyBuffer _replies = new();
    private readonly ClientSession _session;
    private readonly GrowingBuffer _groupBytes = new();
    private TransactionQueue? _group;
    private int _parsed;

    /// <param name="engine">Whose data changes.</param>
    /// <param name="database">What is selected at first.</param>
    /// <param name="isCopy">True where all comes as a copy: nothing of it is a history, and nothing may fail.</param>
    public MasterStream(KvEngine engine, int database, bool isCopy = false)
    {
        _engine = engine;
        IsCopy = isCopy;
        // A master's commands are as long as they are; what is kept of them has its limit elsewhere.
        _parser = new RequestParser(new ProtocolLimits
        {
            MaxBulkLength = int.MaxValue,
            MaxMultibulkLength = int.MaxValue,
            MaxInlineLength = engine.Options.Protocol.MaxInlineLength,
        });
        _session = new ClientSession(0, new RespWriter(_replies), _parser)
        {
            User = s_user,
            RunsTransaction = true, // nothing waits
            Database = database,
        };
        engine.Databases.Make(database);
    }

    private bool IsCopy { get; }

    /// <summary>With so many bytes it is worth to come back.</summary>
    public int Needed { get; private set; } = 1;

    /// <summary>True where the master wants to know how far this is; whoever tells it sets it back.</summary>
    public bool IsAsked { get; set; }

    /// <summary>What the master has selected.</summary>
    public int Database => _session.Database;

    /// <summary>Why nothing more of it can be done; null where it can.</summary>
    public string? Fault { get; private set; }

    /// <summary>Does what is whole in the bytes; how many that were.</summary>
    public int Apply(ReadOnlySpan<byte> bytes)
    {
        int done = 0;
        int position = _parsed;
        ParseStatus status = ParseStatus.NeedMore;
        while (Fault is null
            && (status = _parser.TryParse(bytes, ref position, out Frame frame)) == ParseStatus.Frame)
        {
            if (TryTake(_parser.Arguments(bytes, frame), bytes[done..position]))
            {
                done = position;
            }

            _parser.Clear();
        }

        if (status == ParseStatus.Error)
        {
            Fault = _parser.Error;
        }

        _parser.Rebase(done);
        _parsed = position - done;
        Needed = Math.Max(1, _parser.Needed - done);
        Tell();
        return done;
    }

    public void Dispose()
    {
        _parser.Dispose();
        _replies.Dispose();
        _groupBytes.Dispose();
        _group?.Dispose();
    }

    private static AclUser Unlimited()
    {
        var all = new AclUser("master");
        (all.Selectors[0].AllByDefault, all.Selectors[0].AllKeys, all.Selectors[0].AllChannels) = (true, true, true);
        var user = new AclUser(all.Name);
        user.TakeFrom(all);
        return user;
    }

    /// <summary>Clients here hear of what was done, and replicas of this one are sent it.</summary>
    private void Tell()
    {
        if (!IsCopy && _engine.Waiting.HasReady)
        {
            BlockedClients.ServeReady(_engine);
        }

        if (_engine.Tracking.HasChanges)
        {
            _engine.Tracking.SendChanges();
        }

        _engine.Feed.Send();
        _engine.Keyspace.Ballast.TryTakeIn(_engine.Databases.RecordBytes);
    }

    /// <summary>Does a command, or keeps it until its transaction is whole. False: <see cref="Fault"/> says
    /// why.</summary>
    private bool TryTake(Arguments args, ReadOnlySpan<byte> raw)
    {
        if (IsCopy)
        {
            return TryCopy(args);
        }

        bool begins = args.Is(0, "multi"u8);
        if (_group is null && !begins)
        {
            return TryDo(args, null, raw);
        }

        if (_group is not null && (begins || args.Is(0, "discard"u8)))
        {
            Fault = $"{args.Shown(0)} within a transaction";
            return false;
        }

        raw.CopyTo(_groupBytes.Append(raw.Length));
        _group ??= new TransactionQueue();
        if (args.Is(0, "exec"u8))
        {
            return TryEndGroup();
        }

        if (!begins)
        {
            _group.Enqueue(args, QueuedEffects.Changes);
        }

        if (_group.Bytes + _groupBytes.Length > _engine.Options.QueryBufferLimit)
        {
            Fault = "a transaction takes more than client-query-buffer-limit, which is "
                + $"{_engine.Options.QueryBufferLimit} bytes";
        }

        return Fault is null;
    }

    private bool TryEndGroup()
    {
        bool done = TryDo(default, _group, _groupBytes.Span);
        _group!.Dispose();
        _group = null;
        _groupBytes.Dispose();
        return done;
    }

    /// <summary>Does a command or a transaction, in one group with its record. Where there is no room for it, nothing
    /// of it is done, and that is the fault.</summary>
    private bool TryDo(Arguments args, TransactionQueue? group, ReadOnlySpan<byte> raw)
    {
        int database = _session.Database;
        for (int tries = 0; !TryGroup(args, group, raw); tries++)
        {
            _session.Database = database;
            if (Fault is not null)
            {
                return false;
            }

            if (tries == KvEngine.MostTries || !(_engine.FreeGarbage() || _engine.Keyspace.Ballast.TryThrowOut()))
            {
                Fault = "there is no room for what it sends: this store is smaller than the master's";
                return false;
            }
        }

        if (!_engine.Feed.IsOn)
        {
            Fault = "a change found no room for its record";
        }

        return Fault is null;
    }

    private bool TryGroup(Arguments args, TransactionQueue? group, ReadOnlySpan<byte> raw)
    {
        int selected = _session.Database;
        AtomicScope atomic = default;
        _engine.RanOutOfRoom = false;
        try
        {
            Prepare(args, group);
            WallClock.HoldPast();
            atomic = _engine.BeginAtomic(1);
            RunAll(args, group);
            if (Fault is not null || _engine.RanOutOfRoom)
            {
                return false;
            }

            _engine.Feed.Effects.Raw(raw);
            if (_session.Database != selected)
            {
                _engine.Following.Note.Select(_session.Database);
            }

            atomic.Commit();
            return true;
        }
        catch (ArenaOutOfSpaceException)
        {
            return false;
        }
        finally
        {
            WallClock.ReleasePast();
            atomic.Dispose();
        }
    }

    /// <summary>Databases cannot be made in a group.</summary>
    private void Prepare(Arguments args, TransactionQueue? group)
    {
        for (int i = 0; i < (group?.Count ?? 1); i++)
        {
            Arguments each = group is null ? args : group.ArgumentsAt(i);
            if (BuiltIn.Table.Resolve(each) is { } command && command.Has(CommandFlags.NamesDatabases))
            {
                DatabaseCommands.MakeNamed(_engine, command, each);
            }
        }
    }

    private void RunAll(Arguments args, TransactionQueue? group)
    {
        for (int i = 0; i < (group?.Count ?? 1) && Fault is null; i++)
        {
            Run(group is null ? args : group.ArgumentsAt(i));
        }
    }

    private void Run(Arguments args)
    {
        Command? command = BuiltIn.Table.Resolve(args);
        if (args.Is(0, "replconf"u8))
        {
            IsAsked |= args.Count > 1 && args.Is(1, "getack"u8);
            return;
        }

        if (command?.Name == "ping")
        {
            return;
        }

        _replies.Clear();
        long errors = _session.Reply.AllErrors;
        bool may = command?.Handler is not null && command.AcceptsCount(args.Count) && IsTaken(command);
        if (may)
        {
            _engine.Statistics.Commands++;
            Dispatcher.Run(_session, _engine, command!, args);
            _session.Reply.Commit();
        }

        if (!_engine.RanOutOfRoom && (!may || _session.Reply.AllErrors != errors))
        {
            Refused(args, may);
        }
    }

    private static bool IsTaken(Command command) =>
        command.IsOfData || command.Name is "select" or "publish" or "spublish";

    /// <summary>What the master did is not done here, and cannot be: the two differ from here on.</summary>
    private void Refused(Arguments args, bool hasRun)
    {
        string name = args.Shown(0);
        string shown = string.Concat(name.Take(32).Select(it => char.IsAsciiLetterOrDigit(it) ? it : '?'));
        string why = hasRun ? Encoding.Latin1.GetString(_replies.Span).TrimEnd() : "no command that a replica takes";
        if (IsCopy || args.Is(0, "select"u8))
        {
            Fault = $"{shown} was refused: {why}";
            return;
        }

        if (++_engine.Following.Refused <= MostShown)
        {
            StandardError.WriteLine($"replication: the master's {shown} was refused: {why}. This replica may differ "
                + "from its master; REPLICAOF NO ONE and REPLICAOF again gets a whole copy");
        }
    }

    private bool TryCopy(Arguments args)
    {
        WallClock.HoldPast();
        try
        {
            _engine.RanOutOfRoom = false;
            Run(args);
            if (_engine.RanOutOfRoom)
            {
                Fault = "there is no room for all keys: this store is smaller than the master's";
            }

            return Fault is null;
        }
        finally
        {
            WallClock.ReleasePast();
        }
    }
}
