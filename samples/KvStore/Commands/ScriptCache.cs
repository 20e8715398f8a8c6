using KvStore.Engine;
using KvStore.Scripts;

namespace KvStore.Commands;

/// <summary>The scripts there are.</summary>
/// <remarks>Used under the engine's gate.</remarks>
internal sealed class ScriptCache : IScriptFlags
{
    /// <summary>With more of the memory in scripts that are idle, all are forgotten: clients send them again.</summary>
    private const int IdleShare = 2;

    private readonly KvEngine _engine;
    private readonly ScriptRunner _runner;
    private readonly Dictionary<string, Script> _scripts = new(StringComparer.Ordinal);

    // Of all scripts, those of a process before us too, which are compiled when they are first asked for.
    private readonly Dictionary<string, byte[]> _sources = new(StringComparer.Ordinal);

    private ScriptCache(KvEngine engine, CommandTable table)
    {
        _engine = engine;
        _runner = new ScriptRunner(engine, table);
    }

    /// <summary>The one of a call's engine: Lua is loaded with the first script.</summary>
    public static ScriptCache Of(in Call call) => Of(call.Engine, call.Table);

    /// <inheritdoc cref="Of(in Call)"/>
    public static ScriptCache Of(KvEngine engine, CommandTable table) =>
        (ScriptCache)(engine.Scripts ??= new ScriptCache(engine, table));

    /// <summary>The texts of all scripts, by their names.</summary>
    public IReadOnlyDictionary<string, byte[]> Sources => _sources;

    public Script? Find(string name)
    {
        if (!_scripts.TryGetValue(name, out Script? script) && _sources.TryGetValue(name, out byte[]? source))
        {
            _ = Add(name, source, out script);
        }

        return script;
    }

    public bool SaysNoWrites(string name) => Find(name) is { ReadOnly: true };

    /// <summary>Takes over a script that another process had.</summary>
    public void Inherit(string name, byte[] source)
    {
        _sources[name] = source;
        _engine.KeptScripts = _sources.Count;
    }

    /// <summary>Compiles a script and keeps it; null, or the error.</summary>
    public string? Add(string name, byte[] source, out Script? script)
    {
        if (_scripts.TryGetValue(name, out script))
        {
            return null;
        }

        if (ScriptHeader.TryRead(source, out ScriptHeader header) is { } wrong)
        {
            return wrong;
        }

        if (_runner.TryLua(out LuaHost? lua) is { } missing)
        {
            return missing;
        }

        if (lua!.MemoryUsed > _engine.Options.ScriptMemory / IdleShare)
        {
            Clear();
            _ = _runner.TryLua(out lua);
        }

        if (lua!.Compile(name, header.WithoutFirstLine(source)) is { } problem)
        {
            return $"ERR Error compiling script (new function): {problem}";
        }

        _scripts[name] = script = new Script(name, header.NoWrites, _runner.MayNameDatabases(source))
        {
            IsFlagged = header.Length > 0,
            AllowsOom = header.AllowsOom,
        };
        _sources[name] = source;
        _engine.KeptScripts = _sources.Count;
        return null;
    }

    /// <summary>Forgets all scripts, and gives Lua's memory back.</summary>
    public void Clear()
    {
        _scripts.Clear();
        _sources.Clear();
        _engine.KeptScripts = 0;
        _runner.Dispose();
    }

    /// <summary>Runs a script.</summary>
    public void Run(in Call call, Script script, int keys, bool readOnly) => _runner.Run(call, script, keys, readOnly);

    public void Dispose() => Clear();
}
