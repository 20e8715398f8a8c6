using GuestMemFs.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Media;

/// <summary>An open directory, and the mount it is on as the kernel names it.</summary>
internal sealed class MediumDirectory : IDisposable
{
    private MediumDirectory(string path, SafeFileHandle handle, StatX status, PathTrust? trust)
    {
        Path = path;
        Handle = handle;
        Status = status;
        Mount = (status.Mask & Libc.STATX_MNT_ID) != 0 ? MountInfo.Find(status.MountId) : null;
        Trust = trust;
    }

    /// <summary>Absolute.</summary>
    public string Path { get; }

    public SafeFileHandle Handle { get; }

    /// <summary>As it was when it was opened.</summary>
    public StatX Status { get; }

    /// <summary>Null where /proc does not show the mount (another mount namespace, no /proc).</summary>
    public MountInfo? Mount { get; }

    /// <summary>Whose files are opened in it; null for a look that opens none.</summary>
    public PathTrust? Trust { get; }

    /// <summary>What the filesystem says now.</summary>
    public StatFs FileSystem() => Descriptors.FileSystem(Handle, Path);

    /// <summary>Opens a directory.</summary>
    /// <param name="path">Its path; links in it are followed.</param>
    /// <param name="create">Make it (0700) where it is missing and its parent is there.</param>
    /// <param name="trust">Whose it, and all on the way to it, may be; null for a look at a mount's root.</param>
    /// <exception cref="UntrustedOwnerException">It is another user's, or another user can change it.</exception>
    public static MediumDirectory Open(string path, bool create, PathTrust? trust)
    {
        path = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        int result = TryOpen(path);
        if (result == -Errno.ENOENT && create)
        {
            RequireParent(path, trust);
            int made = Errno.Retry(() => Libc.MkdirAt(Libc.AT_FDCWD, path, 0x1C0 /* 0700 */));
            if (made < 0 && made != -Errno.EEXIST)
            {
                throw Errno.Exception(-made, "mkdir", path,
                    made == -Errno.ENOENT ? "Its parent directory is missing too: create that first." : null);
            }

            result = TryOpen(path);
        }

        if (result < 0)
        {
            throw Errno.Exception(-result, "open", path, result switch
            {
                -Errno.ENOTDIR => "It is not a directory: an arena needs a directory of its own.",
                -Errno.ENOENT => "There is no such directory: create it, or mount the medium.",
                _ => null,
            });
        }

        var handle = new SafeFileHandle(result, ownsHandle: true);
        try
        {
            StatX status = Descriptors.Status(handle, path);
            trust?.RequireDirectory(path, status);
            return new MediumDirectory(path, handle, status, trust);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Throws where this process may not create files here.</summary>
    public void RequireWritable()
    {
        int result = Errno.Retry(() => Libc.FAccessAt(Handle, ".", Libc.W_OK | Libc.X_OK, Libc.AT_EACCESS));
        if (result < 0)
        {
            throw Errno.Exception(-result, "access", Path);
        }
    }

    /// <summary>Moves files into a directory in this one, which is made where it is not there.</summary>
    /// <returns>False where no directory can be made; nothing was moved then.</returns>
    /// <exception cref="MediumException">A file cannot be moved.</exception>
    public bool TryMoveInto(string directory, IReadOnlyList<string> names)
    {
        int made = Errno.Retry(() => Libc.MkdirAt(Handle, directory, 0x1C0 /* 0700 */));
        if (made < 0 && made != -Errno.EEXIST)
        {
            return false;
        }

        int flags = Libc.O_RDONLY | Libc.O_DIRECTORY | Libc.O_NOFOLLOW | Libc.O_CLOEXEC;
        int opened = Errno.Retry(() => Libc.OpenAt(Handle, directory, flags, 0));
        using SafeFileHandle to = Descriptors.Own(opened, "open", System.IO.Path.Combine(Path, directory));
        foreach (string name in names)
        {
            int moved = Errno.Retry(() => Libc.RenameAt(Handle, name, to, name));
            if (moved < 0)
            {
                throw Errno.Exception(-moved, "rename", System.IO.Path.Combine(Path, name));
            }
        }

        return true;
    }

    /// <summary>False where the path leads nowhere or to something else; true where nobody can say.</summary>
    public unsafe bool IsAtPath(StatX held)
    {
        StatX there;
        return Libc.StatX(Libc.AT_FDCWD, Path, 0, Libc.STATX_BASIC_STATS, &there) != 0
            ? Errno.Last is not (Errno.ENOENT or Errno.ENOTDIR)
            : (there.Inode, there.DeviceMajor, there.DeviceMinor) == (held.Inode, held.DeviceMajor, held.DeviceMinor);
    }

    /// <summary>False where there is nothing of that name; true where nobody can say.</summary>
    public unsafe bool Has(string name)
    {
        StatX status;
        return Libc.StatX(Handle, name, 0, Libc.STATX_BASIC_STATS, &status) == 0 || Errno.Last != Errno.ENOENT;
    }

    public void Dispose() => Handle.Dispose();

    // Nothing is made where somebody else says what the path leads to. That there is no parent, mkdir says.
    private static void RequireParent(string path, PathTrust? trust)
    {
        string parent = System.IO.Path.GetDirectoryName(path)!;
        if (trust is not null && System.IO.Directory.Exists(parent))
        {
            trust.RequireDirectory(parent);
        }
    }

    private static int TryOpen(string path) =>
        Errno.Retry(() => Libc.OpenAt(Libc.AT_FDCWD, path, Libc.O_RDONLY | Libc.O_DIRECTORY | Libc.O_CLOEXEC, 0));
}
