using GuestMemFs.Media;
using GuestMemFs.Native;

namespace GuestMemFs.Dumps;

/// <summary>
/// A file that one writer at a time has, on this machine: by flock(2), so that a killed one leaves nothing to clear. It
/// is empty when it is taken. Whoever has it may rename or remove it; the next one makes another.
/// </summary>
internal sealed class ClaimedFile : IDisposable
{
    private const uint OwnersAlone = 0x180; // 0600

    private ClaimedFile(FileStream stream) => Stream = stream;

    /// <summary>Its bytes; writes go to the kernel at once.</summary>
    public FileStream Stream { get; }

    /// <summary>Takes it; null where another process or thread has it.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="UntrustedOwnerException">
    /// Another user could change its directory, or another user's file lies there.
    /// </exception>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static ClaimedFile? TryTake(string path)
    {
        PathTrust.Own.RequireDirectoryOf(path);
        while (true)
        {
            FileStream stream = Open(path);
            try
            {
                StatX opened = Descriptors.Status(stream.SafeFileHandle, path);
                PathTrust.Own.RequireFile(opened, path);
                if (Errno.Retry(() => Libc.FLock(stream.SafeFileHandle, Libc.LOCK_EX | Libc.LOCK_NB)) != 0)
                {
                    stream.Dispose();
                    return null;
                }

                // The one before may have renamed or removed what was opened here.
                if (IsAt(path, opened))
                {
                    stream.SetLength(0);
                    return new ClaimedFile(stream);
                }

                stream.Dispose();
            }
            catch
            {
                stream.Dispose();
                throw;
            }
        }
    }

    public void Dispose() => Stream.Dispose();

    // Nobody's link is followed, and a FIFO does not hold us up.
    private static FileStream Open(string path)
    {
        const int flags = Libc.O_WRONLY | Libc.O_CREAT | Libc.O_NONBLOCK | Libc.O_CLOEXEC;
        int result = Errno.Retry(() => Libc.OpenAt(Libc.AT_FDCWD, path, flags | Libc.O_NOFOLLOW, OwnersAlone));
        return new FileStream(Descriptors.Own(result, "open", path), FileAccess.Write, bufferSize: 0);
    }

    private static unsafe bool IsAt(string path, in StatX opened)
    {
        StatX named;
        return Libc.StatX(Libc.AT_FDCWD, path, Libc.AT_SYMLINK_NOFOLLOW, Libc.STATX_BASIC_STATS, &named) == 0
            && named.Inode == opened.Inode
            && (named.DeviceMajor, named.DeviceMinor) == (opened.DeviceMajor, opened.DeviceMinor);
    }
}
