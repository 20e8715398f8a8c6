using System.Runtime.CompilerServices;
using GuestMemFs.CrashLab;

namespace GuestMemFs.Format;

/// <summary>
/// The lab's persist seam, compiled in place of the library's: does the same, tells the thread's trace of each store,
/// and can be made to do one of them wrong.
/// </summary>
internal static unsafe class Persist
{
    [ThreadStatic]
    private static StoreSink? t_trace;

    [ThreadStatic]
    private static bool t_throughPowerLoss;

    /// <summary>Where this thread's stores are recorded, or null.</summary>
    public static StoreSink? Trace
    {
        get => t_trace;
        set => t_trace = value;
    }

    /// <summary>
    /// Whether this thread's stores are to outlive a loss of power: the library's switch. Stores are the same then;
    /// what a crash keeps of them is the lab's to say.
    /// </summary>
    public static bool ThroughPowerLoss
    {
        get => t_throughPowerLoss;
        set => t_throughPowerLoss = value;
    }

    public static void Store(ulong* at, ulong value, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (!SeededFault.Takes(PlaceKind.Store, at, new ReadOnlySpan<byte>(&value, sizeof(ulong)), file, line))
        {
            *at = value;
            t_trace?.Add((byte*)at, sizeof(ulong), publishes: false);
        }
    }

    public static void Publish(
        ulong* at, ulong value, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (!SeededFault.Takes(PlaceKind.Publish, at, new ReadOnlySpan<byte>(&value, sizeof(ulong)), file, line))
        {
            Volatile.WriteBarrier();
            *at = value;
            Volatile.WriteBarrier();
            t_trace?.Add((byte*)at, sizeof(ulong), publishes: true);
        }
    }

    public static void Copy(
        void* to, ReadOnlySpan<byte> from, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (!SeededFault.Takes(PlaceKind.Copy, to, from, file, line))
        {
            from.CopyTo(new Span<byte>(to, from.Length));
            Wrote(to, from.Length);
        }
    }

    public static void Fill(
        void* to, long length, byte value, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (!SeededFault.Takes(PlaceKind.Fill, to, default, file, line))
        {
            new Span<byte>(to, checked((int)length)).Fill(value);
            Wrote(to, length);
        }
    }

    public static void Writes(void* at, long length)
    {
        // No snapshots here.
    }

    public static void Wrote(void* at, long length) => t_trace?.Add((byte*)at, length, publishes: false);
}
