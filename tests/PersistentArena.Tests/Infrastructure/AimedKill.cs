using System.Runtime.InteropServices;

namespace GuestMemFs.Tests.Infrastructure;

/// <summary>
/// Ends this process with SIGKILL a moment after a place is come to for a given time: at random instants hardly any
/// store is met.
/// </summary>
internal sealed partial class AimedKill
{
    private const int Sigkill = 9;
    private int _left;
    private readonly int _lead;
    private bool _now;
    private bool _begun;

    /// <param name="times">How often the place is come to.</param>
    /// <param name="delay">Iterations by which the signal is later than the thread; below 0, the thread is.</param>
    public AimedKill(int times, int delay)
    {
        _left = times;
        _lead = -delay;
        new Thread(() =>
        {
            while (!Volatile.Read(ref _now))
            {
                Thread.SpinWait(1);
            }

            Volatile.Write(ref _begun, true);
            Thread.SpinWait(Math.Max(0, delay));
            _ = Kill(Environment.ProcessId, Sigkill);
        })
        {
            IsBackground = true,
        }.Start();
    }

    /// <summary>A thread is at the place.</summary>
    public void Pass()
    {
        if (Interlocked.Decrement(ref _left) == 0)
        {
            Volatile.Write(ref _now, true);
            while (!Volatile.Read(ref _begun))
            {
                Thread.SpinWait(1);
            }

            Thread.SpinWait(Math.Max(0, _lead));
        }
    }

    /// <summary>Ends this process; the thread that says so does nothing more.</summary>
    public static void Now() => _ = Kill(Environment.ProcessId, Sigkill);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
