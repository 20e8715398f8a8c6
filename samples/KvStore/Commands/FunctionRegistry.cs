using System.Diagnostics.CodeAnalysis;
using System.Text;
using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Scripts;
using KvStore.Transport;

namespace KvStore.Commands;

/// <summary>What is done with libraries whose names are there already.</summary>
internal enum LibraryCollision
{
    Refused,
    Replaced,

    /// <summary>All that are there go first.</summary>
    Flushed,
}

/// <summary>
/// The libraries of functions. Their texts are in the arena (<see cref="FunctionStore"/>); they are loaded into Lua
/// when the first function is asked for.
/// </summary>
/// <remarks>Used under the engine's gate. What is here follows what is stored: first the store, then this. A group that
/// is taken back takes stored libraries back too, and they are read again.</remarks>
internal sealed class FunctionRegistry : IScriptFlags
{
    /// <summary>How long the text of a library that is new may run; Redis's.</summary>
    private static readonly TimeSpan s_loadingLimit = TimeSpan.FromMilliseconds(500);

    private readonly KvEngine _engine;
    private readonly ScriptRunner _runner;
    private Dictionary<string, FunctionLibrary>? _libraries;
    private Dictionary<string, Script> _functions = new(StringComparer.OrdinalIgnoreCase);
    private long _handles;
    private long _rollbacks;
    private bool _isProvisional;

    private FunctionRegistry(KvEngine engine, CommandTable table)
    {
        _engine = engine;
        _runner = new ScriptRunner(engine, table);
    }

    /// <summary>How many functions there are.</summary>
    public int FunctionCount => _functions.Count;

    /// <summary>How many libraries there are.</summary>
    public int Count => TryRead(out IReadOnlyDictionary<string, FunctionLibrary>? libraries) is null
        ? libraries!.Count : 0;

    private FunctionStore Store => _engine.Keyspace.Functions;

    /// <summary>The one of a call's engine.</summary>
    public static FunctionRegistry Of(in Call call) =>
        (FunctionRegistry)(call.Engine.Functions ??= new FunctionRegistry(call.Engine, call.Table));

    /// <summary>All libraries by their names; null, or the error, where Lua is not there.</summary>
    public string? TryRead([NotNullWhen(true)] out IReadOnlyDictionary<string, FunctionLibrary>? libraries)
    {
        if (_isProvisional && _rollbacks != _engine.Rollbacks)
        {
            Forget();
        }

        _isProvisional &= _engine.InGroup;
        libraries = _libraries;
        if (libraries is not null)
        {
            return null;
        }

        if (_runner.TryLua(out _) is { } missing)
        {
            return missing;
        }

        libraries = Load();
        return null;
    }

    public Script? Find(string name)
    {
        return TryRead(out _) is null ? _functions.GetValueOrDefault(name) : null;
    }

    public bool SaysNoWrites(string name) => Find(name) is { ReadOnly: true };

    /// <summary>Runs a function.</summary>
    public void Run(in Call call, Script function, int keys, bool readOnly) =>
        _runner.Run(call, function, keys, readOnly);

    /// <summary>Loads libraries and keeps them: all or none, over a crash as well. Null, or the error.</summary>
    /// <param name="sources">Their texts.</param>
    /// <param name="collision">What is done with names that are there.</param>
    /// <param name="quotes">True where the error has quotes around a name that is there.</param>
    public string? Add(IReadOnlyList<byte[]> sources, LibraryCollision collision, bool quotes)
    {
        if (TryRead(out IReadOnlyDictionary<string, FunctionLibrary>? libraries) is { } missing)
        {
            return missing;
        }

        var after = new Dictionary<string, FunctionLibrary>(
            collision == LibraryCollision.Flushed ? [] : libraries!, StringComparer.Ordinal);
        List<FunctionLibrary> added = [];
        string? problem = LoadAll(sources, collision == LibraryCollision.Replaced, quotes, after, added)
            ?? NameTwice(after.Values);
        if (problem is not null)
        {
            added.ForEach(Forget);
            return problem;
        }

        try
        {
            Keep(after, added);
        }
        catch
        {
            added.ForEach(Forget);
            throw;
        }

        return null;
    }

    /// <summary>Removes a library; false where there is none.</summary>
    public bool Remove(string name)
    {
        if (TryRead(out IReadOnlyDictionary<string, FunctionLibrary>? libraries) is not null
            || !libraries!.ContainsKey(name))
        {
            return false;
        }

        var after = new Dictionary<string, FunctionLibrary>(libraries, StringComparer.Ordinal);
        after.Remove(name);
        Keep(after, []);
        return true;
    }

    /// <summary>Removes all.</summary>
    public void Clear()
    {
        if (TryRead(out _) is null)
        {
            Keep([], []);
        }
    }

    public void Dispose() => Forget();

    /// <summary>Loads what is stored. A library that no longer loads stays stored, and the log says why.</summary>
    private Dictionary<string, FunctionLibrary> Load()
    {
        var libraries = new Dictionary<string, FunctionLibrary>(StringComparer.Ordinal);
        foreach ((byte[] name, byte[] source) in Store.ReadAll())
        {
            // What is stored has loaded once: it gets a script's time, however busy the machine is at a start.
            if (TryLoad(source, TimeSpan.MaxValue, out FunctionLibrary? library) is { } problem)
            {
                StandardError.WriteLine(
                    $"The library '{Encoding.Latin1.GetString(name)}' is stored, and its functions cannot be called: "
                    + $"{problem}. FUNCTION LOAD REPLACE stores another text.");
            }
            else
            {
                libraries[library!.Name] = library;
            }
        }

        Use(libraries);
        return libraries;
    }

    private string? LoadAll(
        IReadOnlyList<byte[]> sources, bool replaces, bool quotes, Dictionary<string, FunctionLibrary> after,
        List<FunctionLibrary> added)
    {
        string quote = quotes ? "'" : "";
        foreach (byte[] source in sources)
        {
            if (FunctionLibrary.TryReadName(source, out string name, out _) is { } wrong)
            {
                return wrong;
            }

            if (after.ContainsKey(name) && (!replaces || added.Exists(library => library.Name == name)))
            {
                return $"ERR Library {quote}{name}{quote} already exists";
            }

            if (TryLoad(source, s_loadingLimit, out FunctionLibrary? loaded) is { } problem)
            {
                return problem;
            }

            added.Add(loaded!);
            after[name] = loaded!;
        }

        return null;
    }

    private string? TryLoad(byte[] source, TimeSpan limit, out FunctionLibrary? library)
    {
        library = null;
        if (FunctionLibrary.TryReadName(source, out string name, out int header) is { } wrong)
        {
            return wrong;
        }

        if (_runner.TryLua(out LuaHost? lua) is { } missing)
        {
            return missing;
        }

        string handle = Numbers.Text(++_handles);
        if (lua!.LoadLibrary(handle, source[header..], limit, out List<LibraryFunction> functions) is { } problem)
        {
            return problem;
        }

        library = new FunctionLibrary(name, handle, source, functions);
        if (functions.Count == 0)
        {
            Forget(library);
            return "ERR No functions registered";
        }

        return null;
    }

    private static string? NameTwice(IEnumerable<FunctionLibrary> libraries)
    {
        HashSet<string> names = new(StringComparer.OrdinalIgnoreCase);
        LibraryFunction? twice = libraries.SelectMany(library => library.Functions)
            .FirstOrDefault(function => !names.Add(function.Name));
        return twice is null ? null : $"ERR Function {twice.Name} already exists";
    }

    /// <summary>Stores what changed as one step, and then goes by it.</summary>
    private void Keep(Dictionary<string, FunctionLibrary> after, List<FunctionLibrary> added)
    {
        List<FunctionLibrary> gone = [.. _libraries!.Values.Where(
            library => !after.TryGetValue(library.Name, out FunctionLibrary? its) || its != library)];
        if (gone.Count + added.Count == 0)
        {
            return;
        }

        PersistentDictionary stored = Store.Open();
        AtomicScope atomic = added.Count == 0
            ? _engine.BeginAtomicWhereRoom(gone.Count)
            : _engine.BeginAtomic(gone.Count + added.Count);
        try
        {
            gone.Where(library => !after.ContainsKey(library.Name)).ToList()
                .ForEach(library => stored.Remove(Encoding.Latin1.GetBytes(library.Name)));
            added.ForEach(library => stored.Set(Encoding.Latin1.GetBytes(library.Name), library.Source));
            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }

        _isProvisional = _engine.InGroup;
        _rollbacks = _engine.Rollbacks;
        gone.ForEach(Forget);
        Use(after);
    }

    private void Use(Dictionary<string, FunctionLibrary> libraries)
    {
        _libraries = libraries;
        _functions = new Dictionary<string, Script>(StringComparer.OrdinalIgnoreCase);
        foreach (FunctionLibrary library in libraries.Values)
        {
            bool namesDatabases = _runner.MayNameDatabases(library.Source);
            foreach (LibraryFunction function in library.Functions)
            {
                _functions[function.Name] = new Script(function.Name, function.NoWrites, namesDatabases)
                {
                    Library = library.Handle,
                    IsFlagged = true,
                    AllowsOom = function.AllowsOom,
                };
            }
        }
    }

    private void Forget(FunctionLibrary library)
    {
        if (_runner.TryLua(out LuaHost? lua) is null)
        {
            lua!.Forget(library.Handle);
        }
    }

    private void Forget()
    {
        _libraries = null;
        _functions = new Dictionary<string, Script>(StringComparer.OrdinalIgnoreCase);
        _isProvisional = false;
        _runner.Dispose();
    }
}
