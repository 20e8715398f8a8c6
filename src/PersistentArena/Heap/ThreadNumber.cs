using System.Runtime.CompilerServices;

namespace GuestMemFs.Heap;

/// <summary>
/// The running thread's number, as <see cref="Environment.CurrentManagedThreadId"/> gives it: never 0, and used again
/// once a thread has ended. Kept where one load finds it, for what every change of a record asks twice.
/// </summary>
internal static class ThreadNumber
{
    [ThreadStatic]
    private static int t_number;

    public static int Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            int number = t_number;
            return number != 0 ? number : Ask();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Ask() => t_number = Environment.CurrentManagedThreadId;
}
