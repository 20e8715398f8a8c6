using System.Globalization;

namespace GuestMemFs.Native;

/// <summary>
/// The process's limit on the length of a file (<c>ulimit -f</c>, <c>LimitFSIZE=</c>). A call that passes it does not
/// only fail: it sends SIGXFSZ, which ends the process. So it is looked at before.
/// </summary>
internal static unsafe class FileSizeLimit
{
    private const int RLIMIT_FSIZE = 1;

    /// <summary>Bytes; <see cref="long.MaxValue"/> where there is no limit.</summary>
    public static long Current
    {
        get
        {
            ResourceLimit limit;
            return Libc.GetRLimit(RLIMIT_FSIZE, &limit) == 0 && limit.Current <= long.MaxValue ? (long)limit.Current
                : long.MaxValue;
        }
    }

    /// <summary>Throws where a file may not be that long.</summary>
    /// <exception cref="MediumException">It may not (EFBIG).</exception>
    public static void Require(long length, string path)
    {
        long limit = Current;
        if (length > limit)
        {
            throw new MediumException(MediumErrorKind.NotSupported, "ftruncate", path, Errno.EFBIG, string.Create(
                CultureInfo.InvariantCulture,
                $"'{path}' is to have {length} bytes, and this process may not make a file longer than {limit} " +
                $"(ulimit -f). Raise the limit (ulimit -f unlimited; LimitFSIZE=infinity in a unit)."));
        }
    }
}
