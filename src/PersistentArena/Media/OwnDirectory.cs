using System.Globalization;
using GuestMemFs.Native;

namespace GuestMemFs.Media;

/// <summary>
/// The directory that an arena gets where nobody named one: <c>MOUNT/guestmemfs-UID/NAME</c>, both 0700 and ours. On a
/// shared mount anybody could have made it first: one that is not ours, or that others may enter, is refused.
/// </summary>
internal static class OwnDirectory
{
    /// <summary>
    /// The directory's path. The patches' guestmemfs has no directories below its root: there the whole mount is one
    /// arena.
    /// </summary>
    public static string PathOn(MediumKind kind, string mountPoint, string name) => kind == MediumKind.GuestMemFs
        ? mountPoint
        : Path.Combine(ParentOn(mountPoint), name);

    /// <summary>The directory of all our arenas on a mount.</summary>
    public static string ParentOn(string mountPoint) =>
        Path.Combine(mountPoint, string.Create(CultureInfo.InvariantCulture, $"guestmemfs-{Libc.GetEUid()}"));

    /// <summary>Makes it where it is missing, with its parent, and opens it.</summary>
    public static MediumDirectory Make(string path)
    {
        Checked(MediumDirectory.Open(Path.GetDirectoryName(path)!, create: true, PathTrust.Own)).Dispose();
        return Checked(MediumDirectory.Open(path, create: true, PathTrust.Own));
    }

    /// <summary>Opens it where it is there; null where it is not made yet.</summary>
    public static MediumDirectory? TryOpen(string path)
    {
        try
        {
            // The parent first: who owns that decides what lies in it.
            Checked(MediumDirectory.Open(Path.GetDirectoryName(path)!, create: false, trust: null)).Dispose();
            return Checked(MediumDirectory.Open(path, create: false, PathTrust.Own));
        }
        catch (MediumException e) when (e.Errno == Errno.ENOENT)
        {
            return null;
        }
    }

    private static MediumDirectory Checked(MediumDirectory directory)
    {
        try
        {
            RequireOurs(directory);
            return directory;
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    private static void RequireOurs(MediumDirectory directory)
    {
        const int othersMayWriteOrEnter = 0x3F; // 0077
        uint we = Libc.GetEUid();
        if (directory.Status.Uid != we)
        {
            throw new MediumException(MediumErrorKind.Denied, "open", directory.Path, 0,
                $"'{directory.Path}' belongs to user {directory.Status.Uid}, not to us ({we}): somebody " +
                "else made it. " +
                "Name another directory.");
        }

        if ((directory.Status.Mode & othersMayWriteOrEnter) != 0)
        {
            throw new MediumException(MediumErrorKind.Denied, "open", directory.Path, 0,
                $"'{directory.Path}' is open to others (mode {Convert.ToString(directory.Status.Mode & 0xFFF, 8)}): " +
                "chmod 700 it.");
        }
    }
}
