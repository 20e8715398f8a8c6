using System.Globalization;

namespace GuestMemFs.Media;

/// <summary>
/// What memory the control groups (version 2, or 1) leave to this process. Beyond it the kernel ends a process; tmpfs
/// counts.
/// </summary>
internal static class ControlGroup
{
    private static readonly Files s_version2 = new("memory.max", "memory.current", "", "file_dirty ",
        "file_writeback ");
    private static readonly Files s_version1 =
        new("memory.limit_in_bytes", "memory.usage_in_bytes", "total_", "total_dirty ", "total_writeback ");

    /// <summary>What the group from ours upwards leaves that leaves least.</summary>
    /// <param name="groups">The text of /proc/self/cgroup: lines of hierarchy, controllers and path.</param>
    /// <param name="mounts">The mounts, among them those of the hierarchies.</param>
    public static MemoryRoom Memory(string groups, IEnumerable<MountInfo> mounts)
    {
        string[][] lines = [.. groups.Split('\n').Select(line => line.Split(':', 3)).Where(fields =>
            fields.Length == 3)];

        // The memory controller is in one hierarchy only: version 1, where that has it.
        string[]? ours = Array.Find(lines, fields => fields[1].Split(',').Contains("memory"));
        bool old = ours is not null;
        ours ??= Array.Find(lines, fields => fields[0] == "0");
        MountInfo? mount = mounts.LastOrDefault(mount =>
            old ? mount.FileSystem == "cgroup" && mount.Has("memory") : mount.FileSystem == "cgroup2");
        return ours is null || mount is null ? MemoryRoom.Unlimited
            : Least(mount, ours[2], old ? s_version1 : s_version2);
    }

    private static MemoryRoom Least(MountInfo mount, string path, Files files)
    {
        // A container sees its own group as the mount's root.
        string below = path.StartsWith(mount.Root, StringComparison.Ordinal) ? path[mount.Root.Length..] : path;
        string group = mount.MountPoint.TrimEnd('/') + "/" + below.Trim('/');
        MemoryRoom least = MemoryRoom.Unlimited;
        while (group.Length >= mount.MountPoint.Length)
        {
            MemoryRoom room = Room(group, files);
            least = room.Available < least.Available ? room : least;
            group = Path.GetDirectoryName(group) ?? string.Empty;
        }

        return least;
    }

    private static MemoryRoom Room(string group, Files files)
    {
        // "max", or the root, which has none
        if (KernelFile.TryReadNumber(Path.Combine(group, files.Limit)) is not { } limit
            || KernelFile.TryReadNumber(Path.Combine(group, files.Usage)) is not { } usage)
        {
            return MemoryRoom.Unlimited;
        }

        string[] lines = (KernelFile.TryRead(Path.Combine(group, "memory.stat")) ?? string.Empty).Split('\n');
        long cache = Reclaimable(lines, files);
        return new MemoryRoom(limit, Math.Max(0, limit - Math.Max(0, usage - cache)));
    }

    /// <summary>
    /// Of the cache of files on disks, what the kernel gives up soon when memory is needed: what was not used lately,
    /// and half of the rest, in which are the programs that run; not what has to be written first. tmpfs is not in it.
    /// </summary>
    private static long Reclaimable(string[] lines, Files files)
    {
        long inactive = Field(lines, files.Prefix + "inactive_file ");
        long active = Field(lines, files.Prefix + "active_file ");
        return Math.Max(0, inactive + (active / 2) - Field(lines, files.Dirty) - Field(lines, files.Writeback));
    }

    private static long Field(string[] lines, string name)
    {
        string? line = Array.Find(lines, line => line.StartsWith(name, StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line.AsSpan(name.Length), CultureInfo.InvariantCulture);
    }

    private sealed record Files(string Limit, string Usage, string Prefix, string Dirty, string Writeback);
}
