using KvStore.Commands;
using KvStore.Engine;
using KvStore.Transport;

namespace KvStore.HandOver;

/// <summary>What clients have set up in a server, beside its keys and their own sessions, as bytes.</summary>
/// <remarks>The order of fields is version 1 of the format. What was not changed at run time is the successor's own:
/// its configuration may be another one.</remarks>
internal sealed class ServerState
{
    private readonly List<(string Name, string Value)> _settings = [];
    private readonly List<string> _users = [];
    private readonly List<(string Name, byte[] Source)> _scripts = [];
    private bool _usersAreChanged;
    private bool _pausesOnlyWrites;
    private long _pauseLeft;
    private long _limit;

    private ServerState()
    {
    }

    /// <summary>The largest number that a client had.</summary>
    public long LastId { get; private init; }

    /// <summary>Which arena it is.</summary>
    public Guid ArenaId { get; private init; }

    /// <summary>True where all users come with it, and need not be read from the configuration.</summary>
    public bool HasUsers => _users.Count > 0;

    /// <param name="to">Where to.</param>
    /// <param name="engine">Whose state it is.</param>
    /// <param name="lastId">The largest number that a client had.</param>
    /// <param name="withUsers">True where users go along that no client has changed.</param>
    public static void Write(BinaryWriter to, KvEngine engine, long lastId, bool withUsers)
    {
        to.Write(lastId);
        to.Write(engine.Keyspace.Arena.Id.ToByteArray());
        ServerOptions options = engine.Options;
        to.Write(options.SetAtRunTime.Count);
        foreach (string name in options.SetAtRunTime)
        {
            to.Write(name);
            to.Write(Settings.Find(name)!.Show(options));
        }

        to.Write(engine.Keyspace.Limit);
        to.Write(engine.Users.AreChanged);
        string[] users = withUsers || engine.Users.AreChanged ? AclFile.Lines(engine) : [];
        to.Write(users.Length);
        Array.ForEach(users, to.Write);
        IReadOnlyDictionary<string, byte[]> scripts = engine.Scripts is ScriptCache cache
            ? cache.Sources : new Dictionary<string, byte[]>();
        to.Write(scripts.Count);
        foreach ((string name, byte[] source) in scripts)
        {
            to.Write(name);
            to.Write(source.Length);
            to.Write(source);
        }

        to.Write(engine.Pause.IsOn ? Math.Max(1, engine.Pause.Until - KvEngine.Milliseconds) : 0);
        to.Write(engine.Pause.OnlyWrites);
    }

    public static ServerState Read(BinaryReader from)
    {
        var state = new ServerState { LastId = from.ReadInt64(), ArenaId = new Guid(from.ReadBytes(16)) };
        for (int left = from.ReadInt32(); left > 0; left--)
        {
            state._settings.Add((from.ReadString(), from.ReadString()));
        }

        state._limit = from.ReadInt64();
        state._usersAreChanged = from.ReadBoolean();
        for (int left = from.ReadInt32(); left > 0; left--)
        {
            state._users.Add(from.ReadString());
        }

        for (int left = from.ReadInt32(); left > 0; left--)
        {
            state._scripts.Add((from.ReadString(), from.ReadBytes(from.ReadInt32())));
        }

        state._pauseLeft = from.ReadInt64();
        state._pausesOnlyWrites = from.ReadBoolean();
        return state;
    }

    /// <summary>What CONFIG SET has changed. Before the server is made.</summary>
    public void ApplyTo(ServerOptions options)
    {
        foreach ((string name, string value) in _settings)
        {
            string? problem = Settings.Find(name) is { AtRunTime: true } setting ? setting.TryApply(options, value)
                : "there is no such setting here that CONFIG SET may change";
            if (problem is null)
            {
                options.SetAtRunTime.Add(name);
            }
            else
            {
                StandardError.WriteLine($"hand-over: CONFIG SET {name} is not taken over: {problem}");
            }
        }
    }

    /// <summary>All else, before there are clients.</summary>
    public void ApplyTo(KvEngine engine)
    {
        if (_limit != long.MaxValue)
        {
            engine.Options.Size = engine.Keyspace.SetMaximum(_limit);
        }

        if (HasUsers && AclFile.Inherit(BuiltIn.Table, engine, [.. _users], _usersAreChanged) is { } problem)
        {
            throw new HandOverException($"its users cannot be read: {problem}");
        }

        foreach ((string name, byte[] source) in _scripts)
        {
            ScriptCache.Of(engine, BuiltIn.Table).Inherit(name, source);
        }

        if (_pauseLeft > 0)
        {
            engine.Pause.Begin(KvEngine.DueIn(_pauseLeft), _pausesOnlyWrites);
        }
    }
}
