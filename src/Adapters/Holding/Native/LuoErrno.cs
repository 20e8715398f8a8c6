namespace GuestMemFs.Holding.Native;

/// <summary>The errnos that the orchestrator answers with (errno-base.h, errno.h).</summary>
internal static class LuoErrno
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int EIO = 5;
    public const int ENXIO = 6;
    public const int E2BIG = 7;
    public const int EBADF = 9;
    public const int ENOMEM = 12;
    public const int EACCES = 13;
    public const int EBUSY = 16;
    public const int EEXIST = 17;
    public const int ENODEV = 19;
    public const int EINVAL = 22;
    public const int ENOTTY = 25;
    public const int EFBIG = 27;
    public const int ENOSPC = 28;
    public const int EOVERFLOW = 75;
    public const int EOPNOTSUPP = 95;
}
