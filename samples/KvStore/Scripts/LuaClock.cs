using System.Diagnostics;
using System.Runtime.InteropServices;
using KeraLua;

namespace KvStore.Scripts;

/// <summary>Stops a script that runs for too long.</summary>
/// <remarks>The hook may not raise an error: that would jump over its own frame, which is managed. It puts another hook
/// in its place, which is Lua's own function for raising one, and is called before each instruction from then on: no
/// <c>pcall</c> of the script's gets around that.</remarks>
internal sealed class LuaClock
{
    private const int Instructions = 100_000;

    private readonly Lua _lua;
    private readonly Func<TimeSpan, bool> _meanwhile;
    private readonly LuaHookFunction _look;
    private readonly LuaHookFunction _stop;
    private long _started;

    /// <param name="lua">Whose scripts.</param>
    /// <param name="meanwhile">Called now and then once a script's patience is over; true where it is to
    /// stop.</param>
    public LuaClock(Lua lua, Func<TimeSpan, bool> meanwhile)
    {
        _lua = lua;
        _meanwhile = meanwhile;
        _look = Look;
        nint library = NativeLibrary.Load("lua54", typeof(Lua).Assembly, null);
        _stop = Marshal.GetDelegateForFunctionPointer<LuaHookFunction>(NativeLibrary.GetExport(library, "lua_error"));
        Watch();
    }

    /// <summary>How long a script may run.</summary>
    public TimeSpan Limit { get; set; }

    /// <summary>How long it may run alone.</summary>
    public TimeSpan Patience { get; set; }

    /// <summary>True where the script was stopped.</summary>
    public bool HasStopped { get; private set; }

    public void Start()
    {
        _started = Stopwatch.GetTimestamp();
        if (HasStopped)
        {
            HasStopped = false;
            Watch();
        }
    }

    /// <summary>Stops the script before its next instruction.</summary>
    public void Stop()
    {
        HasStopped = true;
        _lua.SetHook(_stop, LuaHookMask.Count, 1);
    }

    private void Watch() => _lua.SetHook(_look, LuaHookMask.Count, Instructions);

    private void Look(nint state, nint activation)
    {
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_started);
        if (!HasStopped && (elapsed > Limit || (elapsed >= Patience && _meanwhile(elapsed))))
        {
            Stop();
        }
    }
}
