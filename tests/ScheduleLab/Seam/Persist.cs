using System.Runtime.CompilerServices;
using GuestMemFs.ScheduleLab.Running;
using GuestMemFs.ScheduleLab.Seam;

namespace GuestMemFs.Format;

/// <summary>The lab's persist seam, compiled in place of the library's: does the same, and each store is a point before
/// it and may be the last before a crash after it.</summary>
internal static unsafe class Persist
{
    public static bool ThroughPowerLoss => false;

    public static void Store(ulong* at, ulong value, [CallerLineNumber] int line = 0,
        [CallerFilePath] string file = "") => Word(PointKind.Store, at, value, line, file);

    public static void Publish(ulong* at, ulong value, [CallerLineNumber] int line = 0,
        [CallerFilePath] string file = "") => Word(PointKind.Publish, at, value, line, file);

    /// <summary>A store without a point, to a word that nobody else looks at before the lock is free that the thread
    /// holds.</summary>
    public static void Quiet(ulong* at, ulong value)
    {
        Writes(at, sizeof(ulong));
        if (Worker.Current is not { } me)
        {
            *at = value;
        }
        else if (me.Schedule.MayStore(me, at, sizeof(ulong)))
        {
            me.Schedule.Memory.Set(me, at, value);
        }
    }

    public static void Copy(void* to, ReadOnlySpan<byte> from, [CallerLineNumber] int line = 0,
        [CallerFilePath] string file = "")
    {
        Writes(to, from.Length, line, file);
        if (Worker.Current is not { } me)
        {
            from.CopyTo(new Span<byte>(to, from.Length));
            return;
        }

        me.Schedule.Point(me, PointKind.Copy, (nint)to, (ulong)from.Length, line, file);
        if (me.Schedule.MayStore(me, to, from.Length))
        {
            me.Schedule.Memory.Copy(me, (byte*)to, from);
            me.Schedule.Stored(me, publishes: false);
        }
    }

    public static void Fill(void* to, long length, byte value, [CallerLineNumber] int line = 0,
        [CallerFilePath] string file = "")
    {
        byte[] bytes = new byte[length];
        bytes.AsSpan().Fill(value);
        Copy(to, bytes, line, file);
    }

    /// <summary>Tells snapshots. Where a scenario has none, it is no point.</summary>
    public static void Writes(void* at, long length, [CallerLineNumber] int line = 0,
        [CallerFilePath] string file = "")
    {
        if (Worker.Current is { } me)
        {
            if (me.Dying || !me.Schedule.HasSnapshots)
            {
                return;
            }

            me.Schedule.Point(me, PointKind.Read, (nint)at, 0, line, file);
        }

        if (StoreWatch.IsOn)
        {
            StoreWatch.Before(at, length);
        }
    }

    /// <summary>The caller's bytes are there already: they count from here on.</summary>
    public static void Wrote(void* at, long length)
    {
        if (Worker.Current is { Dying: false } me)
        {
            me.Schedule.Memory.Wrote(me, (byte*)at, length);
            me.Schedule.Stored(me, publishes: false);
        }
    }

    private static void Word(PointKind kind, ulong* at, ulong value, int line, string file)
    {
        Writes(at, sizeof(ulong), line, file);
        if (Worker.Current is not { } me)
        {
            *at = value;
            return;
        }

        me.Schedule.Point(me, kind, (nint)at, value, line, file);
        if (me.Schedule.MayStore(me, at, sizeof(ulong)))
        {
            if (kind == PointKind.Publish)
            {
                me.Floating.Clear();
            }

            me.Schedule.Memory.Set(me, at, value);
            if (kind == PointKind.Publish)
            {
                me.Floating.Clear();
            }

            me.Schedule.Stored(me, kind == PointKind.Publish);
        }
    }
}
