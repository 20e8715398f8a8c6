using System.Globalization;

namespace GuestMemFs.Media;

/// <summary>The memory this process can have, in bytes: of the machine (/proc/meminfo), and of its control groups, which limit a container or a service.</summary>
internal static class MachineMemory
{
    /// <summary>What can be had, free swap of the machine included; unlimited where the kernel does not say.</summary>
    public static long Available()
    {
        long machine = Read("MemAvailable:") is { } available ? available + (Read("SwapFree:") ?? 0) : long.MaxValue;
        return Math.Min(machine, ControlGroup.MemoryAvailable(KernelFile.TryRead("/proc/self/cgroup") ?? string.Empty, MountInfo.ReadAll()));
    }

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
