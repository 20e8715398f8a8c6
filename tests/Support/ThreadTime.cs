using System.ComponentModel;
using System.Runtime.InteropServices;

namespace GuestMemFs.Support;

/// <summary>
/// Processor time of the calling thread: what a test may bound, where the wall clock tells of the machine's other work.
/// Per thread; Linux only (clock_gettime(2), CLOCK_THREAD_CPUTIME_ID).
/// </summary>
public static partial class ThreadTime
{
    private const int ThreadCpuTime = 3;

    /// <summary>What <paramref name="action"/> takes of the calling thread; its other threads do not count.</summary>
    /// <param name="action">The work.</param>
    /// <exception cref="Win32Exception">The clock cannot be read.</exception>
    public static TimeSpan Of(Action action)
    {
        TimeSpan before = Now();
        action();
        return Now() - before;
    }

    private static TimeSpan Now()
    {
        if (clock_gettime(ThreadCpuTime, out Time now) != 0)
        {
            throw new Win32Exception();
        }

        return TimeSpan.FromSeconds(now.Seconds) + TimeSpan.FromTicks(now.Nanoseconds / TimeSpan.NanosecondsPerTick);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int clock_gettime(int clock, out Time time);

    private readonly struct Time
    {
        public readonly nint Seconds;
        public readonly nint Nanoseconds;
    }
}
