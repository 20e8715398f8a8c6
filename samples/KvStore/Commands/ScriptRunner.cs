using System.Diagnostics;
using System.Text;
using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Scripts;
using KvStore.Session;
using KvStore.Transport;

namespace KvStore.Commands;

/// <summary>Runs scripts and functions in a Lua of its own, and their commands in the server.</summary>
/// <remarks>Used under the engine's gate.</remarks>
internal sealed class ScriptRunner(KvEngine engine, CommandTable table) : IScriptCalls, IDisposable
{
    private const int FirstArgument = 3;

    private readonly KvEngine _engine = engine;
    private readonly CommandTable _table = table;
    private LuaHost? _lua;
    private ClientSession? _session;
    private ClientSession? _caller;
    private RunningScript? _running;
    private bool _readOnly;
    private bool _allowsOom;
    private bool _madeRoom;

    /// <summary>Runs a script; once more where it found no room, and keys went for it.</summary>
    public void Run(in Call call, Script script, int keys, bool readOnly)
    {
        bool hasRoom = !_engine.IsShort || Eviction.MakeRoom(_engine);
        _madeRoom = hasRoom && _engine.Options.Policy != EvictionPolicy.NoEviction;
        if (script is { IsFlagged: true, ReadOnly: false })
        {
            ReadOnlySpan<byte> refusal = !_engine.WriteRefusal.IsEmpty || hasRoom || script.AllowsOom
                ? _engine.WriteRefusal : Errors.OutOfMemory;
            if (!refusal.IsEmpty)
            {
                call.Reply.Error(refusal);
                return;
            }
        }

        for (int tries = 0; !TryRun(call, script, keys, readOnly, tries); tries++)
        {
            // All was taken back, and there is more room.
        }
    }

    private bool TryRun(in Call call, Script script, int keys, bool readOnly, int tries)
    {
        LuaHost lua = _lua!;
        long start = call.Reply.Position;
        _engine.RanOutOfRoom = false;
        SetLimits(lua);
        _caller = call.Session;
        _session?.Database = call.Session.Database;
        _readOnly = readOnly;
        _allowsOom = script.AllowsOom;
        if (!TryBegin(script, readOnly, out AtomicScope atomic))
        {
            return !Eviction.FreeFor(call, tries, 0);
        }

        _running = new RunningScript(script.Name, script.Library is null ? null : Copy(call.Args));
        bool holds = WallClock.TryHold(); // a key does not expire in the middle of it
        try
        {
            ScriptEnd end = lua.Run(script.Name, script.Library, call.Args.From(FirstArgument), keys, call.Reply);
            RememberKeys(call, keys);
            if (end == ScriptEnd.Stopped)
            {
                call.Reply.Error(WhyStopped(call, script));
                return true; // the group is taken back
            }

            if (call.Session.RunsTransaction || !_engine.RanOutOfRoom || !_engine.MayRetry(tries)
                || !call.Reply.Rewind(start))
            {
                atomic.Commit();
                return true;
            }
        }
        finally
        {
            atomic.Dispose();
            if (holds)
            {
                WallClock.Release();
            }

            _caller = null;
            _running = null;
        }

        _engine.FreeGarbage();
        Eviction.Free(_engine, tries, 0, denies: false);
        return false;
    }

    ErrorCodes IScriptCalls.Codes => _engine.ErrorCodes;

    void IScriptCalls.Call(Arguments args, RespWriter reply)
    {
        ClientSession session = Session(reply);
        session.User = _caller!.User;
        session.Tracking = _caller.Tracking;
        Command? command = _table.Resolve(args);
        long errors = reply.Errors;
        session.CountedErrors = reply.AllErrors;
        if (Refusal(session, command, args) is { } refusal)
        {
            reply.Error(refusal);
            CommandCounting.CountRejected(session, _engine, command);
        }
        else
        {
            _running!.HasWritten |= command!.Has(CommandFlags.Write);
            _running.HasRead |= command.Has(CommandFlags.ReadOnly) && command.Keys.First > 0;
            long start = Stopwatch.GetTimestamp();
            _engine.Statistics.Commands++;
            Dispatcher.Run(session, _engine, command, args);
            CommandCounting.CountRun(session, _engine, command.Number, Stopwatch.GetElapsedTime(start));
        }

        _engine.Statistics.Errors += reply.Errors - errors;
    }

    bool? IScriptCalls.May(Arguments args) => _table.Resolve(args) is not { } command ? null
        : command.AcceptsCount(args.Count)
            && Permissions.Check(_caller!.User, command, args, out _) == Permissions.Verdict.Allowed;

    bool IScriptCalls.LetOthersIn(TimeSpan elapsed)
    {
        if (_running is not { } script)
        {
            return false; // a library is loaded
        }

        script.Elapsed = elapsed;
        _engine.ServeMeanwhile(script);
        return script.IsKilled;
    }

    void IScriptCalls.Log(string text) => StandardError.WriteLine($"script: {text}");

    /// <summary>Gives Lua's memory back, with all that was compiled.</summary>
    public void Dispose()
    {
        _lua?.Dispose();
        _lua = null;
    }

    private void SetLimits(LuaHost lua)
    {
        ServerOptions options = _engine.Options;
        lua.Limit(options.ScriptTime, options.ScriptPatience, options.ScriptMemory);
    }

    private string WhyStopped(in Call call, Script script)
    {
        if (_running!.IsKilled)
        {
            return $"ERR Script killed by user with SCRIPT KILL... script: {script.Name}";
        }

        string left = call.Session.RunsTransaction ? "what it wrote is EXEC's" : "nothing of it was written";
        return $"ERR the script ran for more than {_engine.Options.ScriptTime.TotalMilliseconds} ms "
            + $"(script-time-limit) and was stopped: {left}. script: {script.Name}";
    }

    /// <summary>A client that caches what it reads has read all keys that a reading script names.</summary>
    private void RememberKeys(in Call call, int keys)
    {
        if (!_running!.HasRead || call.Session.Tracking is not { Remembers: true } tracking)
        {
            return;
        }

        for (int i = FirstArgument; i < FirstArgument + keys; i++)
        {
            _engine.Tracking.Remember(tracking.ClientId, call.Args[i], _engine.Options.TrackedKeys);
        }
    }

    private static byte[][] Copy(Arguments args)
    {
        var copy = new byte[args.Count][];
        for (int i = 0; i < copy.Length; i++)
        {
            copy[i] = args[i].ToArray();
        }

        return copy;
    }

    private bool TryBegin(Script script, bool readOnly, out AtomicScope atomic)
    {
        try
        {
            atomic = readOnly || !_engine.WriteRefusal.IsEmpty ? default : BeginWrites(script.NamesDatabases);
            return true;
        }
        catch (ArenaOutOfSpaceException)
        {
            atomic = default;
            return false;
        }
    }

    /// <summary>The place of large collections cannot be made in a group: it is there before one may need it.</summary>
    private AtomicScope BeginWrites(bool namesDatabases)
    {
        if (namesDatabases)
        {
            DatabaseCommands.MakeAll(_engine);
        }

        if (!_engine.InGroup)
        {
            _engine.Databases.OpenNested();
        }

        return _engine.BeginAtomic(1);
    }

    /// <summary>True where a text may name databases: they are made before it runs.</summary>
    public bool MayNameDatabases(ReadOnlySpan<byte> source)
    {
        string text = Encoding.Latin1.GetString(source);
        return _table.All.Any(command => command.Has(CommandFlags.NamesDatabases)
            && (text.Contains($"'{command.Name}'", StringComparison.OrdinalIgnoreCase)
                || text.Contains($"\"{command.Name}\"", StringComparison.OrdinalIgnoreCase)));
    }

    private string? Refusal(ClientSession session, Command? command, Arguments args)
    {
        if (command?.Handler is null)
        {
            return "ERR Unknown Redis command called from script";
        }

        if (!command.AcceptsCount(args.Count))
        {
            return "ERR Wrong number of args calling Redis command from script";
        }

        if (command.Has(CommandFlags.NoScript | CommandFlags.NoMulti)
            && !(_engine.ScriptsMayDebug && command.Name == "debug"))
        {
            return "ERR This Redis command is not allowed from script";
        }

        if (!session.User.Unlimited
            && Permissions.ScriptRefusal(new Call(command, args, session, _engine)) is { } forbidden)
        {
            return forbidden;
        }

        if (_readOnly && CommandEffects.WaitsInPause(_engine, command, args))
        {
            return "ERR Write commands are not allowed from read-only scripts.";
        }

        return !command.Has(CommandFlags.Write) ? null
            : !_engine.WriteRefusal.IsEmpty ? Encoding.UTF8.GetString(_engine.WriteRefusal)
            : command.Has(CommandFlags.DenyOom) && _engine.IsShort && !_madeRoom && !_allowsOom
                ? Encoding.UTF8.GetString(Errors.OutOfMemory)
            : null;
    }

    private ClientSession Session(RespWriter reply)
    {
        if (_session?.Reply != reply)
        {
            _session = new ClientSession(0, reply, new RequestParser(_engine.Options.Protocol))
            {
                User = _caller!.User,
                Database = _caller.Database,
                RunsTransaction = true, // what would wait does not
                IsOfScript = true,
            };
        }

        return _session;
    }

    /// <summary>Loads Lua where it is not loaded yet, and sets its limits; null, or the error.</summary>
    public string? TryLua(out LuaHost? lua)
    {
        lua = _lua;
        try
        {
            lua = _lua ??= new LuaHost(this, Info.CompatibleVersion, Info.CompatibleVersionNumber);
            SetLimits(lua);
            return null;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            StandardError.WriteLine($"liblua54.so cannot be loaded: {e.Message}");
            return "ERR scripts need liblua54.so beside the program, and it cannot be loaded: see the server's log";
        }
    }
}
