using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Native;

/// <summary>
/// Tells which pages of a range of mapped memory were stored to since it was last asked. The kernel watches: a store
/// costs its page one fault between two questions, and nothing where nobody tracks.
/// </summary>
/// <remarks>
/// <para>userfaultfd(2) with asynchronous write protection, and the PAGEMAP_SCAN ioctl of /proc/PID/pagemap: Linux 6.7.
/// Stores of this process alone are seen; on hugetlbfs by the page of the file. Where the kernel cannot watch a
/// mapping, it says so at the beginning.</para>
/// <para>For one thread at a time. Disposing of it takes the protection off.</para>
/// </remarks>
internal sealed unsafe class StoreTracker : IDisposable
{
    private const int SystemCall = 323; // userfaultfd on x86-64
    private const int SystemCallOnArm = 282;
    private const int UserModeOnly = 1;
    private const ulong Version = 0xAA;
    private const ulong Features = (1 << 0) | (1 << 12) | (1 << 13) | (1 << 15); // WP: on files, on holes, ASYNC
    private const ulong WriteProtected = 2; // UFFDIO_REGISTER_MODE_WP
    private const ulong Protect = 1; // UFFDIO_WRITEPROTECT_MODE_WP
    private const nuint ApiCall = 0xC018AA3F;
    private const nuint RegisterCall = 0xC020AA00;
    private const nuint ProtectCall = 0xC018AA06;
    private const nuint ScanCall = 0xC0606610;
    private const ulong ProtectsMatching = 1, ChecksAsync = 2; // PM_SCAN_WP_MATCHING, PM_SCAN_CHECK_WPASYNC
    private const ulong Written = 2; // PAGE_IS_WRITTEN
    private const int RangesAtATime = 1024;

    private readonly SafeFileHandle _faults;
    private readonly SafeFileHandle _pages;
    private readonly ulong _start;
    private readonly ulong _length;

    private StoreTracker(SafeFileHandle faults, SafeFileHandle pages, ulong start, ulong length)
    {
        _faults = faults;
        _pages = pages;
        _start = start;
        _length = length;
    }

    /// <summary>Begins to track, or gives null where the kernel cannot, or does not let us.</summary>
    /// <param name="address">The first byte, aligned to 2 MiB.</param>
    /// <param name="length">Bytes, a multiple of the mapping's page.</param>
    public static StoreTracker? TryBegin(nint address, long length)
    {
        int call = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? SystemCallOnArm : SystemCall;
        nint opened = Libc.SystemCall(call, Libc.O_CLOEXEC | UserModeOnly);
        if (opened < 0)
        {
            return null; // an old kernel, or a container's filter
        }

        SafeFileHandle faults = new(opened, ownsHandle: true);
        SafeFileHandle? pages = null;
        try
        {
            pages = File.OpenHandle("/proc/self/pagemap");
            StoreTracker tracker = new(faults, pages, (ulong)address, (ulong)length);
            if (tracker.TryProtect() && tracker.Read(static (_, _) => { }) is not null)
            {
                return tracker;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No /proc: as where the kernel cannot.
        }

        pages?.Dispose();
        faults.Dispose();
        return null;
    }

    /// <summary>
    /// Gives the ranges that were stored to since the last call or the beginning, in rising order, as offsets and
    /// lengths in bytes; stores after this are the next call's.
    /// </summary>
    /// <returns>How many bytes these are.</returns>
    /// <exception cref="MediumException">The kernel refused.</exception>
    public long Take(Action<long, long> range) =>
        Read(range) ?? throw Errno.Exception(Errno.Last, "PAGEMAP_SCAN", "/proc/self/pagemap");

    /// <inheritdoc/>
    public void Dispose()
    {
        _pages.Dispose();
        _faults.Dispose();
    }

    private bool TryProtect()
    {
        ulong* api = stackalloc ulong[3] { Version, Features, 0 };
        ulong* register = stackalloc ulong[4] { _start, _length, WriteProtected, 0 };
        ulong* protect = stackalloc ulong[3] { _start, _length, Protect };
        return Libc.IoCtl(_faults, ApiCall, api) == 0
            && Libc.IoCtl(_faults, RegisterCall, register) == 0
            && Libc.IoCtl(_faults, ProtectCall, protect) == 0;
    }

    private long? Read(Action<long, long> range)
    {
        long bytes = 0;
        ulong at = _start;
        Span<PageRange> found = new PageRange[RangesAtATime];
        fixed (PageRange* ranges = found)
        {
            while (at < _start + _length)
            {
                PageScan scan = new()
                {
                    Size = (ulong)sizeof(PageScan),
                    Flags = ProtectsMatching | ChecksAsync,
                    Start = at,
                    End = _start + _length,
                    Ranges = ranges,
                    Capacity = RangesAtATime,
                    Mask = Written,
                    Wanted = Written,
                };
                int count = Libc.IoCtl(_pages, ScanCall, &scan);
                if (count < 0)
                {
                    return null;
                }

                foreach (PageRange one in found[..count])
                {
                    range((long)(one.Start - _start), (long)(one.End - one.Start));
                    bytes += (long)(one.End - one.Start);
                }

                at = count < RangesAtATime ? _start + _length : scan.WalkEnd; // which is set where they are full
            }
        }

        return bytes;
    }

    // struct page_region
    [StructLayout(LayoutKind.Sequential)]
    private struct PageRange
    {
        public ulong Start;
        public ulong End;
        public ulong Categories;
    }

    // struct pm_scan_arg
    [StructLayout(LayoutKind.Sequential)]
    private struct PageScan
    {
        public ulong Size;
        public ulong Flags;
        public ulong Start;
        public ulong End;
        public ulong WalkEnd;
        public PageRange* Ranges;
        public ulong Capacity;
        public ulong MaximumPages;
        public ulong Inverted;
        public ulong Mask;
        public ulong AnyOf;
        public ulong Wanted;
    }
}
