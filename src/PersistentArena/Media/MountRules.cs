using GuestMemFs.Native;

namespace GuestMemFs.Media;

/// <summary>
/// Which mounts may be taken where nobody named one. A mount that was made for something else is not taken by surprise:
/// tmpfs is all over a system and belongs to somebody nearly everywhere.
/// </summary>
internal static class MountRules
{
    private const int StickyForAll = 0x3FF; // 01777

    // Filesystems the system itself runs on or keeps its own state in; and the temporary directories, which are cleaned
    // while we sleep.
    private static readonly string[] s_notOurs = ["/proc", "/sys", "/run", "/var/run", "/boot", "/usr", "/etc", "/tmp",
        "/var/tmp"];

    /// <summary>
    /// The mounts' name that invites us: as a source (<c>mount -t tmpfs guestmemfs /mnt/x</c>) or a mount point's last
    /// part.
    /// </summary>
    public const string Invitation = "guestmemfs";

    /// <summary>Why a mount is not to be taken, or null.</summary>
    public static string? Objection(MountInfo mount, MediumKind kind, StatX root)
    {
        if (mount.MountPoint == "/" || s_notOurs.Any(path => IsAtOrBelow(mount.MountPoint, path)))
        {
            return "it belongs to the system; name its directory to use it all the same";
        }

        if (kind != MediumKind.Tmpfs || IsInvited(mount) || (root.Mode & StickyForAll) == StickyForAll)
        {
            return null;
        }

        return "it is neither for everybody (mode 1777, as /dev/shm) nor named for us; mount it with the source " +
            $"'{Invitation}', or name its directory";
    }

    /// <summary>True where somebody named the mount for us.</summary>
    public static bool IsInvited(MountInfo mount) =>
        mount.Source.StartsWith(Invitation, StringComparison.Ordinal)
            || Path.GetFileName(mount.MountPoint).StartsWith(Invitation, StringComparison.Ordinal);

    private static bool IsAtOrBelow(string path, string directory) =>
        path.StartsWith(directory, StringComparison.Ordinal)
            && (path.Length == directory.Length || path[directory.Length] == '/');
}
