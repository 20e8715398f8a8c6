namespace GuestMemFs.Native;

/// <summary>Keeps mapped memory out of swap (mlock2).</summary>
internal static class MemoryLock
{
    private const uint OnFault = 1; // MLOCK_ONFAULT: what was touched; nothing is taken from the medium by it

    /// <summary>Locks the pages of a range from their first touch on.</summary>
    /// <param name="address">The first byte; a page begins there.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="region">Whose it is, for the message.</param>
    /// <exception cref="MediumException">The process may not lock so much.</exception>
    public static void Lock(nint address, long length, string region)
    {
        if (length > 0 && Libc.MLock2(address, (nuint)length, OnFault) != 0)
        {
            int errno = Errno.Last;
            throw new MediumException(
                MediumErrorKind.Denied,
                "mlock2",
                region,
                errno,
                $"Locking {length} bytes of region '{region}' in memory was refused (errno {errno}); it was not " +
                $"opened or grown. Raise the limit (ulimit -l, LimitMEMLOCK=, CAP_IPC_LOCK), or do not ask for it.");
        }
    }
}
