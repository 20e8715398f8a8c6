using System.Runtime.InteropServices;

namespace GuestMemFs.Native;

/// <summary>The errnos this library knows by name, and what each means for a medium.</summary>
internal static class Errno
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int EINTR = 4;
    public const int ENXIO = 6;
    public const int EAGAIN = 11;
    public const int ENOMEM = 12;
    public const int EACCES = 13;
    public const int EFAULT = 14;
    public const int EBUSY = 16;
    public const int EEXIST = 17;
    public const int ENODEV = 19;
    public const int ENOTDIR = 20;
    public const int EISDIR = 21;
    public const int EINVAL = 22;
    public const int ENFILE = 23;
    public const int EMFILE = 24;
    public const int EFBIG = 27;
    public const int ENOSPC = 28;
    public const int EROFS = 30;
    public const int ERANGE = 34;
    public const int ENAMETOOLONG = 36;
    public const int ENOSYS = 38;
    public const int ELOOP = 40;
    public const int EOPNOTSUPP = 95;
    public const int ESTALE = 116;
    public const int EDQUOT = 122;

    /// <summary>The errno of the last call.</summary>
    public static int Last => Marshal.GetLastPInvokeError();

    /// <summary>Makes a call until it is not interrupted: its result, or -errno.</summary>
    public static int Retry(Func<int> call)
    {
        while (true)
        {
            int result = call();
            if (result >= 0)
            {
                return result;
            }

            int errno = Last;
            if (errno != EINTR)
            {
                return -errno;
            }
        }
    }

    /// <summary>Makes the exception for a failed call.</summary>
    /// <param name="errno">The errno, positive.</param>
    /// <param name="operation">The system call.</param>
    /// <param name="path">What it was about.</param>
    /// <param name="advice">What to do about it, where the caller knows more than the errno says.</param>
    public static MediumException Exception(int errno, string operation, string path, string? advice = null)
    {
        (MediumErrorKind kind, string general) = Meaning(errno);
        string message = $"{operation} of '{path}' failed: {Marshal.GetPInvokeErrorMessage(errno)} " +
            $"(errno {errno}). {advice ?? general}";
        return new MediumException(kind, operation, path, errno, message.TrimEnd());
    }

    private static (MediumErrorKind Kind, string Advice) Meaning(int errno) => errno switch
    {
        ENOENT or ENOTDIR or ENODEV or ENXIO or ESTALE =>
            (MediumErrorKind.Missing, "The medium or the file is not there (any more): check that it is mounted."),
        EEXIST => (MediumErrorKind.Exists, "The name is taken."),
        ENOSPC or ENOMEM => (MediumErrorKind.NoSpace, "No room: delete something, or make the medium larger."),
        EDQUOT => (MediumErrorKind.NoSpace, "The quota is used up: delete something, or have it raised."),
        EPERM or EACCES => (MediumErrorKind.Denied,
            "Not permitted: check owner and mode (the directory should be yours, mode 0700)."),
        EROFS => (MediumErrorKind.Denied,
            "The filesystem is mounted read-only: remount it with rw, or use another one."),
        ELOOP => (MediumErrorKind.Denied, "A symbolic link is in place of a file; links are not followed."),
        EBUSY => (MediumErrorKind.Busy,
            "The medium is frozen (serialised for a kexec) or in use: thaw it, or try after the kexec."),
        EOPNOTSUPP or ENOSYS or EFBIG =>
            (MediumErrorKind.NotSupported, "The filesystem cannot do that: use another medium."),
        EMFILE or ENFILE => (MediumErrorKind.Other, "Too many open files: raise the limit (ulimit -n)."),
        _ => (MediumErrorKind.Other, string.Empty),
    };
}
