using System.Runtime.InteropServices;

namespace KvStore.Transport;

/// <summary>How many connections the process may have open.</summary>
internal static partial class DescriptorLimit
{
    /// <summary>
    /// Descriptors that are kept for the arena's files, the log and the runtime: clients do not get them.
    /// </summary>
    public const int Reserve = 48;

    private const int OpenFiles = 7; // RLIMIT_NOFILE

    /// <summary>
    /// Most connections that leave the reserve free; at least 0. Raises the soft limit as far as it may be.
    /// </summary>
    public static long MostConnections()
    {
        Span<ulong> limits = stackalloc ulong[2];
        if (GetLimit(OpenFiles, ref limits[0]) != 0)
        {
            return int.MaxValue;
        }

        if (limits[0] < limits[1])
        {
            ulong soft = limits[0];
            limits[0] = limits[1];
            limits[0] = SetLimit(OpenFiles, ref limits[0]) == 0 ? limits[1] : soft;
        }

        return Math.Max(0, (long)Math.Min(limits[0], int.MaxValue) - Reserve);
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, ref ulong limits);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, ref ulong limits);
}
