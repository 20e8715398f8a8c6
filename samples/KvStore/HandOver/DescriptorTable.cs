using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KvStore.HandOver;

/// <summary>The process's table of descriptors.</summary>
internal static partial class DescriptorTable
{
    private const int DuplicateAbove = 1030; // F_DUPFD_CLOEXEC

    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    /// <summary>Makes it long enough for so many more, as far as the process's limit lets it.</summary>
    /// <remarks>The kernel doubles the table of a process with threads only after all processors have let go of the old
    /// one (synchronize_rcu): ten milliseconds and more, each time.</remarks>
    public static void MakeRoom(SafeHandle any, int count)
    {
        int top = Directory.GetFiles("/proc/self/fd").Max(name => int.Parse(Path.GetFileName(name), Invariant));
        int copy = Control(any, DuplicateAbove, top + count + 1);
        if (copy >= 0)
        {
            new SafeFileHandle(copy, ownsHandle: true).Dispose();
        }
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(SafeHandle descriptor, int command, int argument);
}
