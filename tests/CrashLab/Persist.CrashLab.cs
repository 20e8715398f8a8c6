using GuestMemFs.CrashLab;

namespace GuestMemFs.Format;

/// <summary>The seam's hook, which exists in this build only: tells the thread's trace of each store.</summary>
internal static unsafe partial class Persist
{
    [ThreadStatic]
    private static StoreTrace? t_trace;

    /// <summary>Where this thread's stores are recorded, or null.</summary>
    public static StoreTrace? Trace
    {
        get => t_trace;
        set => t_trace = value;
    }

    static partial void Stored(void* at, long length, bool publishing) => t_trace?.Add((byte*)at, length, publishing);
}
