using GuestMemFs.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Media;

/// <summary>Whether memory of the page cache comes in 2 MiB pages.</summary>
internal enum ShmemHuge
{
    /// <summary>No.</summary>
    No,

    /// <summary>By collapsing what is there, where somebody asks for it (MADV_COLLAPSE).</summary>
    Collapse,

    /// <summary>The same, if the kernel can: not tried yet.</summary>
    Perhaps,

    /// <summary>To mappings that ask with MADV_HUGEPAGE.</summary>
    Advise,

    /// <summary>Wherever a huge page is free.</summary>
    Yes,
}

/// <summary>What tmpfs and memfd are told about huge pages: by the mount, and for the machine.</summary>
internal static class ShmemHugePages
{
    private const string Switch = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";

    /// <summary>
    /// The page size where it hangs on whether the kernel can collapse. Found out when somebody asks, which no open
    /// does: the first MADV_COLLAPSE of a process waits for every processor (lru_add_drain_all), 8 to 30 ms on a busy
    /// machine.
    /// </summary>
    public static readonly Lazy<long> PageSizeByTrial = new(() => TryCollapse() ? PageSizes.Huge2M : PageSizes.Small);

    /// <summary>Of a tmpfs mount: its <c>huge=</c>, unless the machine's switch says deny or force.</summary>
    public static ShmemHuge OfMount(MountInfo? mount) =>
        ForMount(mount?.Value("huge"), MachineSwitch(), canCollapse: null);

    /// <summary>Of memfds, which are on a mount of the kernel's own: the machine's switch alone.</summary>
    public static ShmemHuge OfMemfd() => ForMount(MachineSwitch(), MachineSwitch(), canCollapse: null);

    /// <summary>
    /// Combines a mount's <c>huge=</c> with the machine's switch and what the kernel can (null: not known).
    /// </summary>
    public static ShmemHuge ForMount(string? huge, string? machine, bool? canCollapse) => (huge, machine) switch
    {
        (_, null) => ShmemHuge.No, // A kernel without transparent huge pages.
        (_, "deny") => ShmemHuge.No,
        (_, "force") => ShmemHuge.Yes,
        ("always" or "within_size", _) => ShmemHuge.Yes,
        ("advise", _) => ShmemHuge.Advise,
        _ => canCollapse switch
        {
            null => ShmemHuge.Perhaps,
            true => ShmemHuge.Collapse,
            false => ShmemHuge.No,
        },
    };

    /// <summary>The word in brackets: <c>always within_size advise [never] deny force</c>.</summary>
    public static string? Chosen(string choices)
    {
        int open = choices.IndexOf('[', StringComparison.Ordinal);
        int close = choices.IndexOf(']', StringComparison.Ordinal);
        return open >= 0 && close > open ? choices[(open + 1)..close] : null;
    }

    /// <summary>
    /// Tries it on 2 MiB: which kernels can and when has changed too often to be told from a version.
    /// </summary>
    private static bool TryCollapse()
    {
        int descriptor = Errno.Retry(() => Libc.MemfdCreate("guestmemfs-probe", Libc.MFD_CLOEXEC));
        if (descriptor < 0)
        {
            return false;
        }

        using var file = new SafeFileHandle(descriptor, ownsHandle: true);
        using var view = new AddressReservation(PageSizes.Huge2M, PageSizes.Huge2M);
        const int protection = Libc.PROT_READ | Libc.PROT_WRITE;
        bool mapped = FileSizeLimit.Current >= PageSizes.Huge2M
            && Libc.FTruncate(file, PageSizes.Huge2M) == 0
            && Libc.MMap(view.Address, (nuint)PageSizes.Huge2M, protection, Libc.MAP_SHARED | Libc.MAP_FIXED, file,
                0) != Libc.MAP_FAILED;

        // That there is no huge page just now says nothing about the kernel.
        return mapped && HugePages.Collapse(view.Address) is 0 or Errno.ENOMEM or Errno.EAGAIN or Errno.EBUSY;
    }

    private static string? MachineSwitch() => KernelFile.TryRead(Switch) is { } text ? Chosen(text) : null;
}
