using System.Globalization;

namespace GuestMemFs.Media;

/// <summary>What memory the control groups (version 2, or 1) leave to this process. Beyond it the kernel ends a process; tmpfs counts.</summary>
internal static class ControlGroup
{
    private static readonly Files s_version2 = new("memory.max", "memory.current", "inactive_file ", "active_file ");
    private static readonly Files s_version1 = new("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ", "total_active_file ");

    /// <summary>The least that any group from ours upwards leaves, in bytes; unlimited where there are no limits.</summary>
    /// <param name="groups">The text of /proc/self/cgroup: lines of hierarchy, controllers and path.</param>
    /// <param name="mounts">The mounts, among them those of the hierarchies.</param>
    public static long MemoryAvailable(string groups, IEnumerable<MountInfo> mounts)
    {
        string[][] lines = [.. groups.Split('\n').Select(line => line.Split(':', 3)).Where(fields => fields.Length == 3)];

        // The memory controller is in one hierarchy only: version 1, where that has it.
        string[]? ours = Array.Find(lines, fields => fields[1].Split(',').Contains("memory"));
        bool old = ours is not null;
        ours ??= Array.Find(lines, fields => fields[0] == "0");
        MountInfo? mount = mounts.LastOrDefault(mount => old ? mount.FileSystem == "cgroup" && mount.Has("memory") : mount.FileSystem == "cgroup2");
        return ours is null || mount is null ? long.MaxValue : Least(mount, ours[2], old ? s_version1 : s_version2);
    }

    private static long Least(MountInfo mount, string path, Files files)
    {
        // A container sees its own group as the mount's root.
        string below = path.StartsWith(mount.Root, StringComparison.Ordinal) ? path[mount.Root.Length..] : path;
        string group = mount.MountPoint.TrimEnd('/') + "/" + below.Trim('/');
        long least = long.MaxValue;
        while (group.Length >= mount.MountPoint.Length)
        {
            least = Math.Min(least, Left(group, files));
            group = Path.GetDirectoryName(group) ?? string.Empty;
        }

        return least;
    }

    private static long Left(string group, Files files)
    {
        if (KernelFile.TryReadNumber(Path.Combine(group, files.Limit)) is not { } limit // "max", or the root, which has none
            || KernelFile.TryReadNumber(Path.Combine(group, files.Usage)) is not { } usage)
        {
            return long.MaxValue;
        }

        long cache = 0; // Of files on disks: given up when memory is needed. tmpfs is not in it.
        foreach (string line in (KernelFile.TryRead(Path.Combine(group, "memory.stat")) ?? string.Empty).Split('\n'))
        {
            if (line.StartsWith(files.InactiveCache, StringComparison.Ordinal) || line.StartsWith(files.ActiveCache, StringComparison.Ordinal))
            {
                cache += long.Parse(line.AsSpan(line.IndexOf(' ', StringComparison.Ordinal) + 1), CultureInfo.InvariantCulture);
            }
        }

        return Math.Max(0, limit - Math.Max(0, usage - cache));
    }

    private sealed record Files(string Limit, string Usage, string InactiveCache, string ActiveCache);
}
