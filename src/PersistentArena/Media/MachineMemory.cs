using System.Globalization;

namespace GuestMemFs.Media;

/// <summary>
/// The memory this process can have, in bytes: of the machine (/proc/meminfo), and of its control groups, which limit a
/// container or a service.
/// </summary>
internal static class MachineMemory
{
    private const long LargestAllowance = 64L << 20;
    private const long AllowanceLifetime = 1000; // milliseconds

    /// <summary>In milliseconds: a caller that was refused is refused again without asking the kernel.</summary>
    private const long RefusalLifetime = 250;

    // What was there when it was last asked and may be taken without asking again: to ask is to read a dozen files.
    private static long s_allowance;
    private static long s_allowedAt;

    // What was there when it was last too little.
    private static long s_left;
    private static long s_refusedAt = -RefusalLifetime;

    /// <summary>
    /// True where an arena may take that many bytes. Asks the kernel once in 64 MiB or once a second, and a few times a
    /// second where memory is short.
    /// </summary>
    /// <param name="bytes">Bytes about to be taken.</param>
    /// <param name="available">What there is for arenas, where the answer is no.</param>
    public static bool Has(long bytes, out long available)
    {
        available = long.MaxValue;
        long now = Environment.TickCount64;
        if (now - Volatile.Read(ref s_allowedAt) < AllowanceLifetime && Interlocked.Add(ref s_allowance, -bytes) >= 0)
        {
            return true;
        }

        available = Volatile.Read(ref s_left);
        if (now - Volatile.Read(ref s_refusedAt) < RefusalLifetime && bytes > available)
        {
            return false;
        }

        available = Room().ForArenas;
        if (bytes > available)
        {
            Volatile.Write(ref s_left, available);
            Volatile.Write(ref s_refusedAt, now);
            return false;
        }

        Volatile.Write(ref s_allowance, Math.Min(available / 16, LargestAllowance) - bytes);
        Volatile.Write(ref s_allowedAt, now);
        return true;
    }

    /// <summary>What can be had, free swap of the machine included; unlimited where the kernel does not say.</summary>
    public static long Available() => Room().Available;

    /// <summary>What the machine or our control groups allow, whichever leaves less.</summary>
    public static MemoryRoom Room()
    {
        MemoryRoom machine = Read("MemAvailable:") is { } available
            ? new MemoryRoom(Total(), available + (Read("SwapFree:") ?? 0))
            : MemoryRoom.Unlimited;
        MemoryRoom group =
            ControlGroup.Memory(KernelFile.TryRead("/proc/self/cgroup") ?? string.Empty, MountInfo.ReadAll());
        return group.Available < machine.Available ? group : machine;
    }

    /// <summary>Swap space that is on, in bytes.</summary>
    public static long Swap() => Read("SwapTotal:") ?? 0;

    /// <summary>All of the machine's.</summary>
    public static long Total() => Read("MemTotal:") ?? long.MaxValue;

    private static long? Read(string field)
    {
        foreach (string line in (KernelFile.TryRead("/proc/meminfo") ?? string.Empty).Split('\n'))
        {
            if (line.StartsWith(field, StringComparison.Ordinal))
            {
                ReadOnlySpan<char> number = line.AsSpan(field.Length).Trim();
                return long.Parse(number[..number.IndexOf(' ')], CultureInfo.InvariantCulture) << 10;
            }
        }

        return null;
    }
}
