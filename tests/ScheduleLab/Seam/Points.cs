using System.Runtime.CompilerServices;
using GuestMemFs.Heap;
using GuestMemFs.ScheduleLab.Running;

namespace GuestMemFs.ScheduleLab.Seam;

/// <summary>What a thread is about to do at a point.</summary>
internal enum PointKind
{
    Here,
    Read,
    Write,
    Exchange,
    Enter,
    Leave,
    Store,
    Publish,
    Copy,
    Fill,
    Waits,
    Operation,
}

/// <summary>Where the library's threads meet the scheduler. A thread that is not one of its own passes.</summary>
internal static class Points
{
    /// <summary>The number of this thread in its schedule; 99 where it is none of its threads.</summary>
    public static int Thread => Worker.Current?.Index ?? 99;

    [ThreadStatic]
    private static int t_hint;

    /// <summary>In place of a thread-static field of the heap: a schedule begins with 0.</summary>
    public static ref int LaneHint => ref Worker.Current is { } worker ? ref worker.LaneHint : ref t_hint;

    public static void Before(PointKind kind, int line, string file)
    {
        if (Worker.Current is { } me)
        {
            me.Schedule.Point(me, kind, 0, 0, line, file);
        }
    }

    /// <summary>A point between plain loads; true, so that it can stand in a condition.</summary>
    public static bool Here([CallerLineNumber] int line = 0, [CallerFilePath] string file = "")
    {
        Before(PointKind.Here, line, file);
        return true;
    }

    /// <summary>Something has changed that a waiting thread may wait for.</summary>
    public static void Wrote()
    {
        if (Worker.Current is { } me)
        {
            me.Schedule.Changes++;
        }
    }

    public static void Blocked()
    {
        if (Worker.Current is not { } me)
        {
            throw new ScheduleException("the only thread waits for nobody");
        }

        me.Schedule.Blocked(me);
    }

    /// <summary>For faults: what an exchange does, in two steps.</summary>
    public static int TestThenSet(ref int word, int value = 1, [CallerLineNumber] int line = 0,
        [CallerFilePath] string file = "")
    {
        int old = Volatile.Read(ref word, line, file);
        if (old == 0)
        {
            Volatile.Write(ref word, value, line, file);
        }

        return old;
    }
}

/// <summary>The deliberate fault that is on.</summary>
internal static class Seeded
{
    [ThreadStatic]
    private static BlockCache? t_sharedCache;

    [ThreadStatic]
    private static ulong t_kept;

    /// <summary>Its number in <see cref="Rewriting.Faults"/>, from 1 on; 0 for none.</summary>
    public static int Active { get; set; }

    /// <summary>What a faulty thread saw too early.</summary>
    public static ulong Kept
    {
        get => Worker.Current?.Kept ?? t_kept;
        set
        {
            t_kept = value;
            if (Worker.Current is { } me)
            {
                me.Kept = value;
            }
        }
    }

    /// <summary>For the fault that gives all lanes one cache.</summary>
    public static BlockCache SharedCache
    {
        get => t_sharedCache!;
        set => t_sharedCache = value;
    }
}
