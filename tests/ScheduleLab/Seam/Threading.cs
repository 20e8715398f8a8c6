using System.Diagnostics.CodeAnalysis;

namespace GuestMemFs.ScheduleLab.Seam;

/// <summary>In place of System.Threading's: each access is a point. One thread runs at a time, so a plain access is all
/// that is needed.</summary>
internal static class Volatile
{
    public static T Read<T>(ref readonly T location, [System.Runtime.CompilerServices.CallerLineNumber] int line = 0,
        [System.Runtime.CompilerServices.CallerFilePath] string file = "")
    {
        Points.Before(PointKind.Read, line, file);
        return location;
    }

    public static void Write<T>(ref T location, T value, [System.Runtime.CompilerServices.CallerLineNumber] int line =
        0, [System.Runtime.CompilerServices.CallerFilePath] string file = "")
    {
        Points.Before(PointKind.Write, line, file);
        location = value;
        Points.Wrote();
    }

    public static void ReadBarrier([System.Runtime.CompilerServices.CallerLineNumber] int line = 0,
        [System.Runtime.CompilerServices.CallerFilePath] string file = "") => Points.Before(PointKind.Read, line, file);

    public static void WriteBarrier()
    {
        // Stores are in order here; what an order without this barrier can leave is the weak mode's to show.
    }
}

/// <summary>In place of System.Threading's.</summary>
internal static class Interlocked
{
    public static T Exchange<T>(ref T location, T value, [System.Runtime.CompilerServices.CallerLineNumber] int line =
        0, [System.Runtime.CompilerServices.CallerFilePath] string file = "")
    {
        Points.Before(PointKind.Exchange, line, file);
        T old = location;
        location = value;
        if (!EqualityComparer<T>.Default.Equals(old, value))
        {
            Points.Wrote();
        }

        return old;
    }

    public static T CompareExchange<T>(ref T location, T value, T comparand,
        [System.Runtime.CompilerServices.CallerLineNumber] int line = 0,
            [System.Runtime.CompilerServices.CallerFilePath] string file = "")
    {
        Points.Before(PointKind.Exchange, line, file);
        T old = location;
        if (EqualityComparer<T>.Default.Equals(old, comparand))
        {
            location = value;
            Points.Wrote();
        }

        return old;
    }

    public static int Increment(ref int location) => Add(ref location, 1);

    public static int Decrement(ref int location) => Add(ref location, -1);

    public static long Increment(ref long location) => Add(ref location, 1L);

    public static long Decrement(ref long location) => Add(ref location, -1L);

    public static T Add<T>(ref T location, T value, [System.Runtime.CompilerServices.CallerLineNumber] int line = 0,
        [System.Runtime.CompilerServices.CallerFilePath] string file = "")
        where T : System.Numerics.INumber<T>
    {
        Points.Before(PointKind.Exchange, line, file);
        Points.Wrote();
        return location += value;
    }

    public static T Or<T>(ref T location, T value, [System.Runtime.CompilerServices.CallerLineNumber] int line = 0,
        [System.Runtime.CompilerServices.CallerFilePath] string file = "")
        where T : System.Numerics.IBinaryInteger<T>
    {
        Points.Before(PointKind.Exchange, line, file);
        Points.Wrote();
        T old = location;
        location |= value;
        return old;
    }

    public static T Read<T>(ref readonly T location, [System.Runtime.CompilerServices.CallerLineNumber] int line = 0,
        [System.Runtime.CompilerServices.CallerFilePath] string file = "") => Volatile.Read(in location, line, file);

    public static void MemoryBarrier() => Points.Here();
}

/// <summary>In place of System.Threading's: tells the scheduler that its thread waits for another one.</summary>
[SuppressMessage("Performance", "CA1815", Justification = "As the one it stands for.")]
internal struct SpinWait
{
    public int Count { get; private set; }

    public readonly bool NextSpinWillYield => true;

    public void SpinOnce(int sleep1Threshold = 0)
    {
        Count++;
        Points.Blocked();
    }

    public void Reset() => Count = 0;
}

/// <summary>In place of System.Threading's: a lock that its thread may take again, and that waits through the
/// scheduler.</summary>
internal sealed class Lock
{
    private int _owner = -1;
    private int _depth;

    public bool IsHeldByCurrentThread => _owner == Points.Thread;

    public void Enter([System.Runtime.CompilerServices.CallerLineNumber] int line = 0,
        [System.Runtime.CompilerServices.CallerFilePath] string file = "")
    {
        while (!TryEnter(line, file))
        {
            Points.Blocked();
        }
    }

    public bool TryEnter([System.Runtime.CompilerServices.CallerLineNumber] int line = 0,
        [System.Runtime.CompilerServices.CallerFilePath] string file = "")
    {
        Points.Before(PointKind.Enter, line, file);
        if (_owner >= 0 && _owner != Points.Thread)
        {
            return false;
        }

        _owner = Points.Thread;
        _depth++;
        Points.Wrote();
        return true;
    }

    public void Exit([System.Runtime.CompilerServices.CallerLineNumber] int line = 0,
        [System.Runtime.CompilerServices.CallerFilePath] string file = "")
    {
        Points.Before(PointKind.Leave, line, file);
        if (--_depth <= 0)
        {
            _owner = -1;
            _depth = 0;
        }

        Points.Wrote();
    }

    public Scope EnterScope([System.Runtime.CompilerServices.CallerLineNumber] int line = 0,
        [System.Runtime.CompilerServices.CallerFilePath] string file = "")
    {
        Enter(line, file);
        return new Scope(this);
    }

    public readonly ref struct Scope(Lock? held)
    {
        public void Dispose() => held?.Exit();
    }
}

/// <summary>In place of System.Threading's: a schedule's threads are others than those of the one before, and end with
/// their scripts.</summary>
internal sealed class Thread
{
    [ThreadStatic]
    private static Thread? t_outside;

    private readonly Running.Worker? _worker;

    public Thread(Running.Worker? worker) => _worker = worker;

    public static Thread CurrentThread => Running.Worker.Current is { } worker ? worker.Identity
        : t_outside ??= new(null);

    /// <summary>True until its script has ended.</summary>
    public bool IsAlive
    {
        get
        {
            Points.Here();
            return _worker is not { Done: true };
        }
    }
}

/// <summary>In place of System's: the threads are the schedule's, and the time stands still.</summary>
internal static class Environment
{
    public static int CurrentManagedThreadId => Points.Thread + 1;

    public static long TickCount64 => 1_000;

    public static int ProcessorCount => 2;
}

/// <summary>In place of System.Diagnostics': the time stands still, so nothing ends because of it.</summary>
internal static class Stopwatch
{
    public static long Frequency => 1_000_000;

    public static long GetTimestamp() => 1_000_000;
}
