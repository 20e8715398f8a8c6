using System.Globalization;

namespace GuestMemFs.Media;

/// <summary>Small files of /proc and /sys, which may be missing.</summary>
internal static class KernelFile
{
    /// <summary>The text without white space around it; null where the file is not there or not for us.</summary>
    public static string? TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A number; null where there is none.</summary>
    public static long? TryReadNumber(string path) =>
        long.TryParse(TryRead(path), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value : null;
}

/// <summary>The machine's memory, from /proc/meminfo, in bytes.</summary>
internal static class MachineMemory
{
    /// <summary>What can be had, free swap included; unlimited where the kernel does not say.</summary>
    public static long Available() => Read("MemAvailable:") is { } available ? available + (Read("SwapFree:") ?? 0) : long.MaxValue;

    /// <summary>All of it.</summary>
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
