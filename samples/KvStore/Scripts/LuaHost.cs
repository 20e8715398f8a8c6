using System.Runtime.ExceptionServices;
using System.Text;
using KeraLua;
using KvStore.Memory;
using KvStore.Protocol;

namespace KvStore.Scripts;

/// <summary>How a script ended.</summary>
internal enum ScriptEnd
{
    Replied,
    Failed,

    /// <summary>It ran for too long.</summary>
    Stopped,
}

/// <summary>Lua, with the scripts that were compiled. One for a server, and one script at a time.</summary>
/// <remarks>An error of Lua's jumps over frames, which managed ones do not survive. So Lua raises errors only where all
/// frames above are its own: functions of the host return false and an error, which the prelude raises, and memory is
/// refused only while Lua itself runs (<see cref="LuaMemory"/>).</remarks>
internal sealed class LuaHost : IDisposable
{
    private readonly IScriptCalls _calls;
    private readonly LuaMemory _memory = new();
    private readonly Lua _lua;
    private readonly LuaClock _clock;
    private readonly ReplyBuffer _buffer = new();
    private readonly RespWriter _reply;
    private readonly GrowingBuffer _bytes = new();
    private readonly GrowingBuffer _slices = new();
    private readonly List<LuaFunction> _kept = [];
    private readonly int _compile;
    private readonly int _run;
    private readonly int _forget;
    private readonly int _loadLibrary;
    private readonly int _call;
    private ExceptionDispatchInfo? _thrown;

    /// <exception cref="DllNotFoundException">The library is not there, or not for this system.</exception>
    public LuaHost(IScriptCalls calls, string version, int versionNumber)
    {
        _calls = calls;
        _reply = new RespWriter(_buffer) { Codes = calls.Codes };
        _lua = new Lua(_memory.Allocate, 0);
        _lua.OpenLibs();
        using Stream source = typeof(LuaHost).Assembly.GetManifestResourceStream("prelude.lua")!;
        var text = new byte[source.Length];
        source.ReadExactly(text);
        if (_lua.LoadBuffer(text, "=prelude", "t") != LuaStatus.OK)
        {
            throw new InvalidOperationException(_lua.ToString(-1));
        }

        PushHost(version, versionNumber);
        _lua.PushLightUserData(0);
        if (_lua.PCall(2, 5, 0) != LuaStatus.OK)
        {
            throw new InvalidOperationException(_lua.ToString(-1));
        }

        _call = _lua.Ref(LuaRegistry.Index);
        _loadLibrary = _lua.Ref(LuaRegistry.Index);
        _forget = _lua.Ref(LuaRegistry.Index);
        _run = _lua.Ref(LuaRegistry.Index);
        _compile = _lua.Ref(LuaRegistry.Index);
        _clock = new LuaClock(_lua, LetOthersIn);
    }

    /// <summary>Bytes that scripts and their values take.</summary>
    public long MemoryUsed => _memory.Used;

    /// <summary>Compiles a script under a name; null, or what is wrong with it.</summary>
    public string? Compile(string name, byte[] source)
    {
        _lua.RawGetInteger(LuaRegistry.Index, _compile);
        _lua.PushString(name);
        _lua.PushBuffer(source);
        LuaStatus status = Protected(2, 2);
        string? problem = status != LuaStatus.OK ? Problem()
            : _lua.ToBoolean(-2) ? null
            : Problem();
        _lua.SetTop(0);
        return problem;
    }

    /// <summary>Runs a library's text, which registers its functions; null, or the error.</summary>
    /// <param name="handle">The name under which they are called and forgotten.</param>
    /// <param name="source">The text.</param>
    /// <param name="limit">How long it may run, where scripts may for longer.</param>
    /// <param name="functions">What it registered.</param>
    public string? LoadLibrary(
        string handle, byte[] source, TimeSpan limit, out List<LibraryFunction> functions)
    {
        functions = [];
        TimeSpan usual = _clock.Limit;
        _clock.Limit = limit < usual ? limit : usual;
        _lua.RawGetInteger(LuaRegistry.Index, _loadLibrary);
        _lua.PushString(handle);
        _lua.PushBuffer(source);
        LuaStatus status = Protected(2, 2);
        _clock.Limit = usual;
        ExceptionDispatchInfo? thrown = _thrown;
        _thrown = null;
        string? problem = _clock.HasStopped ? "ERR Error registering functions: ERR FUNCTION LOAD timeout"
            : status != LuaStatus.OK ? $"ERR Error registering functions: {Problem()}"
            : _lua.ToBoolean(-2) ? null
            : Problem();
        if (problem is null)
        {
            ReadFunctions(functions);
        }

        _lua.SetTop(0);
        thrown?.Throw();
        return problem;
    }

    /// <summary>Forgets a script, or a library.</summary>
    public void Forget(string name)
    {
        _lua.RawGetInteger(LuaRegistry.Index, _forget);
        _lua.PushString(name);
        _ = _lua.PCall(1, 0, 0);
        _lua.SetTop(0);
    }

    /// <summary>Gives back what no script needs any more.</summary>
    public void Collect() => _lua.GarbageCollector(LuaGC.Collect, 0);

    /// <summary>Sets what each script may take.</summary>
    /// <param name="time">How long it may run.</param>
    /// <param name="patience">After how long others are served as well.</param>
    /// <param name="memory">Bytes of all of them and their values.</param>
    public void Limit(TimeSpan time, TimeSpan patience, long memory)
    {
        _clock.Limit = time;
        _clock.Patience = patience;
        _memory.Limit = memory;
    }

    /// <summary>Runs a script that was compiled, or a function, and replies what it returned.</summary>
    /// <param name="name">The script's name, or the function's.</param>
    /// <param name="library">The handle of the function's library; null for a script.</param>
    /// <param name="args">Arguments, of which the keys come first.</param>
    /// <param name="keys">How many of them are keys.</param>
    /// <param name="reply">Where its result goes; its error too.</param>
    public ScriptEnd Run(string name, string? library, Arguments args, int keys, RespWriter reply)
    {
        _lua.RawGetInteger(LuaRegistry.Index, library is null ? _run : _call);
        if (library is not null)
        {
            _lua.PushString(library);
        }

        _lua.PushString(name);
        PushList(args, 0, keys);
        PushList(args, keys, args.Count);
        _reply.Resp3 = false;
        LuaStatus status = Protected(library is null ? 3 : 4, 2);
        ExceptionDispatchInfo? thrown = _thrown;
        _thrown = null;
        ScriptEnd end = ScriptEnd.Replied;
        if (_clock.HasStopped && thrown is null)
        {
            end = ScriptEnd.Stopped;
        }
        else if (status == LuaStatus.OK && _lua.ToBoolean(-2))
        {
            LuaReplies.Write(_lua, reply, knowsBooleans: _reply.Resp3);
        }
        else
        {
            end = ScriptEnd.Failed;
            ReplyError(name, reply);
        }

        _lua.SetTop(0);
        thrown?.Throw();
        return end;
    }

    public void Dispose()
    {
        _lua.Dispose();
        _buffer.Dispose();
        _bytes.Dispose();
        _slices.Dispose();
    }

    private LuaStatus Protected(int arguments, int results)
    {
        _clock.Start();
        _memory.MayRefuse = true;
        try
        {
            return _lua.PCall(arguments, results, 0);
        }
        finally
        {
            _memory.MayRefuse = false;
        }
    }

    private void PushList(Arguments args, int from, int to)
    {
        _lua.CreateTable(to - from, 0);
        for (int i = from; i < to; i++)
        {
            _lua.PushBuffer(args[i].ToArray());
            _lua.RawSetInteger(-2, i - from + 1);
        }
    }

    /// <summary>Names, descriptions and flags, by turns, in the list at the top.</summary>
    private void ReadFunctions(List<LibraryFunction> functions)
    {
        for (long i = 1; i <= _lua.RawLen(-1); i += 3)
        {
            _lua.RawGetInteger(-1, i);
            string name = Encoding.Latin1.GetString(_lua.ToBuffer(-1));
            _lua.RawGetInteger(-2, i + 1);
            byte[]? description = _lua.Type(-1) == LuaType.String ? _lua.ToBuffer(-1) : null;
            _lua.RawGetInteger(-3, i + 2);
            string[] flags = Encoding.Latin1.GetString(_lua.ToBuffer(-1)).Split(',');
            functions.Add(new LibraryFunction(name, description, [.. LibraryFunction.KnownFlags.Intersect(flags)]));
            _lua.Pop(3);
        }
    }

    private string Problem() =>
        _lua.Type(-1) == LuaType.String ? Encoding.Latin1.GetString(_lua.ToBuffer(-1)) : "unknown error";

    private void ReplyError(string name, RespWriter reply)
    {
        if (_lua.Type(-1) != LuaType.Table)
        {
            reply.Error($"ERR {Problem()} script: {name}");
            return;
        }

        string error = LuaReplies.Text(_lua, "err"u8.ToArray()) ?? "ERR unknown error";
        string source = LuaReplies.Text(_lua, "source"u8.ToArray()) ?? "@user_script";
        string line = LuaReplies.Text(_lua, "line"u8.ToArray()) ?? "0";
        LuaReplies.WriteError(_lua, reply, $"{error} script: {name}, on {source}:{line}.");
    }

    private void PushHost(string version, int versionNumber)
    {
        _lua.CreateTable(0, 8);
        Add("call", Call);
        Add("may", May);
        Add("log", () =>
        {
            _calls.Log(Encoding.Latin1.GetString(_lua.ToBuffer(2)));
            return 0;
        });
        Add("sha1hex", () =>
        {
            _lua.PushString(ScriptName.Of(_lua.ToBuffer(1)));
            return 1;
        });
        Add("setresp", () =>
        {
            _reply.Resp3 = _lua.ToNumber(1) > 2;
            return 0;
        });
        Add("memory", () =>
        {
            _lua.PushInteger(_memory.Used);
            return 1;
        });
        _lua.PushString(version);
        _lua.SetField(-2, "version");
        _lua.PushInteger(versionNumber);
        _lua.SetField(-2, "version_number");
    }

    private void Add(string name, Func<int> function)
    {
        LuaFunction safe = _ => Guarded(function);
        _kept.Add(safe);
        _lua.PushCFunction(safe);
        _lua.SetField(-2, name);
    }

    /// <summary>No exception and no error of Lua's leaves it.</summary>
    private int Guarded(Func<int> function)
    {
        _memory.MayRefuse = false;
        try
        {
            return function();
        }
        catch (Exception e)
        {
            _thrown ??= ExceptionDispatchInfo.Capture(e);
            _clock.Stop();
            _lua.SetTop(0);
            return 0;
        }
        finally
        {
            _memory.MayRefuse = true;
        }
    }

    /// <summary>Called in a hook, which no exception may leave; true where the script is to stop.</summary>
    private bool LetOthersIn(TimeSpan elapsed)
    {
        _memory.MayRefuse = false;
        try
        {
            return _calls.LetOthersIn(elapsed);
        }
        catch (Exception e)
        {
            _thrown ??= ExceptionDispatchInfo.Capture(e);
            return true;
        }
        finally
        {
            _memory.MayRefuse = true;
        }
    }

    private int Call()
    {
        if (!TryArguments(out Arguments args))
        {
            return Return(false);
        }

        _buffer.Clear();
        _calls.Call(args, _reply);
        _reply.Commit();
        ReadOnlySpan<byte> reply = _buffer.Span;
        _lua.CheckStack(4);
        bool ok = LuaReplies.Push(_lua, ref reply);
        return Return(ok);
    }

    /// <summary>redis.acl_check_cmd.</summary>
    private int May()
    {
        if (!TryArguments(out Arguments args))
        {
            return Return(false);
        }

        if (_calls.May(args) is not { } may)
        {
            return Fail("ERR Invalid command passed to redis.acl_check_cmd()"u8);
        }

        _lua.PushBoolean(may);
        return Return(true);
    }

    /// <summary>The arguments of the function, off the stack; false, and an error's table is there, where they cannot
    /// be a command's.</summary>
    private bool TryArguments(out Arguments args)
    {
        args = default;
        int count = _lua.GetTop();
        if (count == 0)
        {
            PushError("ERR Please specify at least one argument for this redis lib call"u8);
            return false;
        }

        _bytes.CutTo(0);
        _slices.CutTo(0);
        for (int i = 1; i <= count; i++)
        {
            if (!TryArgument(i, out byte[] argument))
            {
                PushError("ERR Lua redis lib command arguments must be strings or integers"u8);
                return false;
            }

            _slices.Add(new Slice(_bytes.Length, argument.Length));
            argument.CopyTo(_bytes.Append(argument.Length));
        }

        _lua.SetTop(0);
        args = new Arguments(_bytes.Span, _slices.Values<Slice>());
        return true;
    }

    private bool TryArgument(int index, out byte[] argument)
    {
        switch (_lua.Type(index))
        {
            case LuaType.String:
            case LuaType.Number when _lua.IsInteger(index):
                argument = _lua.ToBuffer(index);
                return true;
            case LuaType.Number:
                argument = Encoding.ASCII.GetBytes(LuaNumbers.Show(_lua.ToNumber(index)));
                return true;
            default:
                argument = [];
                return false;
        }
    }

    private int Fail(ReadOnlySpan<byte> error)
    {
        PushError(error);
        return Return(false);
    }

    private void PushError(ReadOnlySpan<byte> error)
    {
        _lua.SetTop(0);
        _lua.CreateTable(0, 1);
        _lua.PushString("err");
        _lua.PushBuffer(error.ToArray());
        _lua.RawSet(-3);
    }

    /// <summary>Whether it went well, and then what is at the top.</summary>
    private int Return(bool ok)
    {
        _lua.PushBoolean(ok);
        _lua.PushCopy(-2);
        return 2;
    }
}
