using System.Runtime.CompilerServices;
using GuestMemFs.CrashLab;

namespace GuestMemFs.Format;

/// <summary>
/// The lab's persist seam, compiled in place of the library's: does the same, tells the thread's trace of each store, and can be made to do
/// one of them wrong.
/// </summary>
internal static unsafe class Persist
{
    [ThreadStatic]
    private static StoreTrace? t_trace;

    /// <summary>Where this thread's stores are recorded, or null.</summary>
    public static StoreTrace? Trace
    {
        get => t_trace;
        set => t_trace = value;
    }

    public static void Store(ulong* at, ulong value, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (!SeededFault.Takes(at, value, publishes: false, file, line))
        {
            *at = value;
            t_trace?.Add((byte*)at, sizeof(ulong), publishes: false);
        }
    }

    public static void Publish(ulong* at, ulong value, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (!SeededFault.Takes(at, value, publishes: true, file, line))
        {
            PublishNow(at, value);
        }
    }

    public static void Copy(void* to, ReadOnlySpan<byte> from)
    {
        from.CopyTo(new Span<byte>(to, from.Length));
        Wrote(to, from.Length);
    }

    public static void Fill(void* to, long length, byte value)
    {
        new Span<byte>(to, checked((int)length)).Fill(value);
        Wrote(to, length);
    }

    public static void Wrote(void* at, long length) => t_trace?.Add((byte*)at, length, publishes: false);

    internal static void PublishNow(ulong* at, ulong value)
    {
        Volatile.WriteBarrier();
        *at = value;
        Volatile.WriteBarrier();
        t_trace?.Add((byte*)at, sizeof(ulong), publishes: true);
    }
}
