using System.Runtime.InteropServices;
using GuestMemFs.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs;

/// <summary>
/// The one rule for paths that are opened: nothing on the way may be another user's to change. A path is walked name by
/// name, on descriptors; owner and mode are asked of what was opened, not of the path.
/// </summary>
/// <remarks>
/// Root and this process's user are trusted, and users that were named. A directory on the way is a trusted user's and
/// not writable by others; or it is sticky, and what is taken out of it is a trusted user's. So are symbolic links.
/// </remarks>
public sealed class PathTrust
{
    private const int LinksFollowed = 40; // as the kernel does (path_resolution(7))
    private const int Sticky = 0x200, GroupWrites = 0x10, EverybodyWrites = 0x2; // 01000, 0020, 0002
    private readonly uint[] _users;

    /// <summary>Trusts root, this process's user, and these.</summary>
    /// <param name="users">Names or numbers.</param>
    /// <exception cref="ArgumentException">There is no such user.</exception>
    public PathTrust(params IReadOnlyList<string> users)
    {
        ArgumentNullException.ThrowIfNull(users);
        _users = [.. users.Select(user => UserAccount.Find(user)
            ?? throw new ArgumentException($"There is no user '{user}'.", nameof(users)))];
    }

    /// <summary>Trusts root and this process's user.</summary>
    public static PathTrust Own { get; } = new();

    /// <summary>True for root, this process's user, and who was named.</summary>
    public bool Trusts(uint user) => user == 0 || user == Libc.GetEUid() || _users.Contains(user);

    /// <summary>Throws where a user is not trusted.</summary>
    /// <param name="user">Whose it is.</param>
    /// <param name="subject">What, for people: a path, or who answers at it.</param>
    /// <exception cref="UntrustedOwnerException">He is not.</exception>
    public void Require(uint user, string subject)
    {
        if (!Trusts(user))
        {
            string self = UserAccount.Describe(Libc.GetEUid());
            throw UntrustedOwnerException.Owner(subject, UserAccount.Describe(user), self);
        }
    }

    /// <summary>
    /// Opens a regular file for reading that nobody untrusted could have written, replaced or pointed elsewhere.
    /// </summary>
    /// <exception cref="UntrustedOwnerException">Somebody could.</exception>
    /// <exception cref="IOException">It is not there, or no regular file.</exception>
    public SafeFileHandle OpenFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SafeFileHandle file = Walk(path, leaf: OpenForReading);
        try
        {
            StatX status = StatusOf(file, path);
            if (!status.IsRegularFile)
            {
                throw new IOException($"'{path}' is no regular file.");
            }

            RequireFile(status, path);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Throws unless a directory, and all on the way to it, is a trusted user's, and closed to others or sticky.
    /// </summary>
    /// <exception cref="UntrustedOwnerException">It is not.</exception>
    /// <exception cref="IOException">There is no such directory.</exception>
    public void RequireDirectory(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using SafeFileHandle directory = Walk(path, leaf: null);
    }

    /// <summary>As <see cref="RequireDirectory(string)"/>, for the directory in which a path lies.</summary>
    /// <param name="path">A socket or file in it, which need not be there.</param>
    /// <exception cref="UntrustedOwnerException">It is not.</exception>
    /// <exception cref="IOException">There is no such directory.</exception>
    public void RequireDirectoryOf(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        RequireDirectory(Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/");
    }

    /// <summary>
    /// Throws unless an open directory is what its path leads to, and nobody untrusted could change that.
    /// </summary>
    /// <exception cref="UntrustedOwnerException">Somebody could.</exception>
    internal void RequireDirectory(string path, in StatX opened)
    {
        using SafeFileHandle directory = Walk(path, leaf: null);
        StatX walked = StatusOf(directory, path);
        if (walked.Inode != opened.Inode
            || (walked.DeviceMajor, walked.DeviceMinor) != (opened.DeviceMajor, opened.DeviceMinor))
        {
            throw new IOException($"'{path}' was replaced while it was opened. Nothing of it was used. Open it again.");
        }
    }

    /// <summary>Throws unless an open file is a trusted user's, and nobody else can write it.</summary>
    /// <exception cref="UntrustedOwnerException">It is not, or somebody can.</exception>
    internal void RequireFile(in StatX opened, string path)
    {
        // The words are made only for a refusal: each open of a file comes here.
        if (!Trusts(opened.Uid))
        {
            Require(opened.Uid, $"'{path}'");
        }

        RequireClosedToOthers(opened, path);
    }

    /// <summary>
    /// Opens each name in the directory before it. Where <paramref name="leaf"/> is null the last is a directory too.
    /// </summary>
    private SafeFileHandle Walk(string path, Func<SafeFileHandle, string, SafeFileHandle>? leaf)
    {
        var names = new Stack<string>(Names(Path.GetFullPath(path)).Reverse());
        SafeFileHandle? at = OpenRoot();
        int links = 0;
        try
        {
            uint root = RequireDirectory(at, "/", null);
            while (names.TryPop(out string? name))
            {
                if (names.Count == 0 && leaf is not null && !IsLink(at, name, path))
                {
                    return leaf(at, name);
                }

                SafeFileHandle? next = TryOpenDirectory(at, name, path);
                if (next is not null)
                {
                    at.Dispose();
                    at = next;
                    bool last = names.Count == 0;
                    _ = RequireDirectory(at, last ? path : $"{name}/ on the way to {path}", last ? null : root);
                    continue;
                }

                string target = Follow(at, name, path, ++links);
                Array.ForEach([.. Names(target).Reverse()], names.Push);
                if (target.StartsWith('/'))
                {
                    at.Dispose();
                    at = OpenRoot();
                }
            }

            (SafeFileHandle walked, at) = (at, null);
            return walked;
        }
        finally
        {
            at?.Dispose();
        }
    }

    /// <summary>The owner of a directory that passes: closed to others and trusted, or sticky.</summary>
    /// <param name="handle">The directory.</param>
    /// <param name="path">For people.</param>
    /// <param name="root">
    /// The owner of "/", who could lead any path elsewhere and is trusted on the way: in a user namespace that does not
    /// know root it is nobody. Null where the directory is where the path ends.
    /// </param>
    private uint RequireDirectory(SafeFileHandle handle, string path, uint? root)
    {
        StatX status = StatusOf(handle, path);
        if (!status.IsDirectory)
        {
            throw new IOException($"'{path}' is no directory.");
        }

        if ((status.Mode & Sticky) == 0)
        {
            if (status.Uid != root && path != "/" && !Trusts(status.Uid))
            {
                Require(status.Uid, $"The directory '{path}'");
            }

            RequireClosedToOthers(status, path);
        }

        return status.Uid;
    }

    // A group of the owner's own number is his alone (adduser(8) makes it), or whoever is in it is there on purpose.
    private static void RequireClosedToOthers(in StatX status, string path)
    {
        int others = status.Gid == status.Uid ? EverybodyWrites : EverybodyWrites | GroupWrites;
        if ((status.Mode & others) != 0)
        {
            throw UntrustedOwnerException.Mode(path, status.Mode & 0xFFF);
        }
    }

    private static bool IsLink(SafeFileHandle directory, string name, string path)
    {
        using SafeFileHandle there = OpenIn(directory, name, Libc.O_PATH | Libc.O_NOFOLLOW, path);
        return StatusOf(there, path).IsSymbolicLink;
    }

    // With O_DIRECTORY an automount is mounted. Null where it is no directory: a link, perhaps.
    private static SafeFileHandle? TryOpenDirectory(SafeFileHandle directory, string name, string path)
    {
        int flags = Libc.O_PATH | Libc.O_NOFOLLOW | Libc.O_DIRECTORY | Libc.O_CLOEXEC;
        int result = Libc.OpenAt(directory, name, flags, 0);
        return result >= 0 ? new SafeFileHandle(result, ownsHandle: true)
            : Errno.Last == Errno.ENOTDIR ? null
            : throw Failed(path);
    }

    // O_NONBLOCK: a FIFO in the file's place does not hold us up.
    private static SafeFileHandle OpenForReading(SafeFileHandle directory, string name) =>
        OpenIn(directory, name, Libc.O_NOFOLLOW | Libc.O_NONBLOCK, name);

    private static SafeFileHandle OpenRoot()
    {
        int result = Libc.OpenAt(Libc.AT_FDCWD, "/", Libc.O_PATH | Libc.O_CLOEXEC, 0);
        return result >= 0 ? new SafeFileHandle(result, ownsHandle: true) : throw Failed("/");
    }

    private static SafeFileHandle OpenIn(SafeFileHandle directory, string name, int flags, string path)
    {
        int result = Libc.OpenAt(directory, name, flags | Libc.O_CLOEXEC, 0);
        return result >= 0 ? new SafeFileHandle(result, ownsHandle: true) : throw Failed(path);
    }

    private string Follow(SafeFileHandle directory, string name, string path, int links)
    {
        using SafeFileHandle link = OpenIn(directory, name, Libc.O_PATH | Libc.O_NOFOLLOW, path);
        StatX status = StatusOf(link, path);
        if (!status.IsSymbolicLink)
        {
            throw new IOException($"'{path}': '{name}' is no directory.");
        }

        Require(status.Uid, $"The symbolic link '{name}' on the way to '{path}'");
        return links <= LinksFollowed
            ? ReadLink(link, path)
            : throw new IOException($"'{path}' goes over more than {LinksFollowed} symbolic links.");
    }

    private static unsafe string ReadLink(SafeFileHandle link, string path)
    {
        Span<byte> target = stackalloc byte[4096];
        fixed (byte* bytes = target)
        {
            nint length = Libc.ReadLinkAt(link, "", bytes, (nuint)target.Length);
            return length > 0 && length < target.Length
                ? System.Text.Encoding.UTF8.GetString(target[..(int)length])
                : throw Failed(path);
        }
    }

    private static unsafe StatX StatusOf(SafeFileHandle file, string path)
    {
        StatX status;
        return Libc.StatX(file, "", Libc.AT_EMPTY_PATH, Libc.STATX_BASIC_STATS, &status) == 0
            ? status
            : throw Failed(path);
    }

    private static IOException Failed(string path)
    {
        int errno = Marshal.GetLastPInvokeError();
        string text = $"'{path}': {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})";
        return errno == Errno.ENOENT ? new FileNotFoundException(text) : new IOException(text);
    }

    private static string[] Names(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries);
}
