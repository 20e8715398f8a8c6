using System.Runtime.InteropServices;

namespace GuestMemFs.ScheduleLab.Running;

/// <summary>A flag that one thread waits for: the cheapest way from one thread to another, where both are on one
/// processor.</summary>
internal sealed unsafe partial class Futex : IDisposable
{
    private const int WaitPrivate = 128;
    private const int WakePrivate = 129;

    private readonly int* _word = (int*)NativeMemory.AllocZeroed(64);

    private static long Number => RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 202 : 98;

    public void Set()
    {
        System.Threading.Volatile.Write(ref *_word, 1);
        _ = Call(Number, _word, WakePrivate, 1, 0, 0, 0);
    }

    public void Wait()
    {
        while (System.Threading.Interlocked.Exchange(ref *_word, 0) == 0)
        {
            _ = Call(Number, _word, WaitPrivate, 0, 0, 0, 0);
        }
    }

    /// <summary>Keeps this thread on one of the processors that it may use, so that handing over is a switch and no
    /// signal between processors.</summary>
    public static void StayOn(int processor)
    {
        ulong* mask = stackalloc ulong[16];
        ulong* one = stackalloc ulong[16];
        new Span<ulong>(one, 16).Clear();
        if (GetAffinity(0, 128, mask) <= 0)
        {
            return;
        }

        int[] allowed = [.. Enumerable.Range(0, 1024).Where(i => (mask[i / 64] >> (i % 64) & 1) != 0)];
        if (allowed.Length > 0)
        {
            int chosen = allowed[processor % allowed.Length];
            one[chosen / 64] = 1UL << (chosen % 64);
            _ = SetAffinity(0, 128, one);
        }
    }

    public void Dispose() => NativeMemory.Free(_word);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long Call(long number, int* word, int operation, int value, nint timeout, nint second,
        int third);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    private static partial int SetAffinity(int thread, nint length, ulong* mask);

    [LibraryImport("libc", EntryPoint = "sched_getaffinity", SetLastError = true)]
    private static partial int GetAffinityRaw(int thread, nint length, ulong* mask);

    private static int GetAffinity(int thread, nint length, ulong* mask) =>
        GetAffinityRaw(thread, length, mask) == 0 ? 1 : 0;
}
