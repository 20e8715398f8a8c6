namespace GuestMemFs.Native;

/// <summary>Pages ahead of their use: faulted in, and made huge.</summary>
internal static class HugePages
{
    private const long Step = 256L << 20;

    /// <summary>
    /// Maps every page of a range, with what the medium gives. Unlike a touch it cannot end in SIGBUS, and it blocks no
    /// garbage collection.
    /// </summary>
    /// <param name="address">Aligned to 4 KiB, mapped.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="write">Make the pages writable at once (MADV_POPULATE_WRITE); contents stay as they are.</param>
    /// <returns>0, or the errno: EFAULT where a touch would have been a SIGBUS (no room), ENOMEM out of memory or where
    /// nothing is mapped, EINVAL where the kernel (before 5.14) or the mapping does not know the call.</returns>
    public static int Populate(nint address, long length, bool write)
    {
        int advice = write ? Libc.MADV_POPULATE_WRITE : Libc.MADV_POPULATE_READ;
        for (long done = 0; done < length;)
        {
            long step = Math.Min(Step, length - done);
            if (Libc.MAdvise(address + (nint)done, (nuint)step, advice) == 0)
            {
                done += step;
                continue;
            }

            int errno = Errno.Last;
            if (errno is not (Errno.EINTR or Errno.EAGAIN))
            {
                return errno;
            }
        }

        return 0;
    }

    /// <summary>
    /// Gives a part of a tmpfs file or memfd one page of 2 MiB, whether its mount has huge pages or not (MADV_COLLAPSE,
    /// Linux 6.1): a small page is faulted in, and the kernel puts it and what else is there together. Contents stay as
    /// they are.
    /// </summary>
    /// <remarks>
    /// Measured on fresh memory: 0.1 to 0.2 s for a GiB, where small pages cost seconds at their first touch.
    /// </remarks>
    /// <param name="address">Aligned to 2 MiB, mapped shared and writable.</param>
    /// <returns>0, or the errno: EINVAL where the kernel cannot, ENOMEM or EAGAIN where it finds no huge page, EFAULT
    /// where the filesystem is full.</returns>
    public static int Collapse(nint address)
    {
        int errno = Populate(address, PageSizes.Small, write: true);
        return errno != 0 ? errno : Libc.MAdvise(address, (nuint)PageSizes.Huge2M, Libc.MADV_COLLAPSE) == 0 ? 0
            : Errno.Last;
    }
}
