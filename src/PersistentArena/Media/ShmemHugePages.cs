namespace GuestMemFs.Media;

/// <summary>Whether memory of the page cache comes in 2 MiB pages.</summary>
internal enum ShmemHuge
{
    /// <summary>No.</summary>
    No,

    /// <summary>To mappings that ask with MADV_HUGEPAGE.</summary>
    Advise,

    /// <summary>Wherever a huge page is free.</summary>
    Yes,
}

/// <summary>What tmpfs and memfd are told about huge pages: by the mount, and for the machine.</summary>
internal static class ShmemHugePages
{
    private const string Switch = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";

    /// <summary>Of a tmpfs mount: its <c>huge=</c>, unless the machine's switch says deny or force.</summary>
    public static ShmemHuge OfMount(MountInfo? mount) => ForMount(mount?.Value("huge"), MachineSwitch());

    /// <summary>Of memfds, which are on a mount of the kernel's own: the machine's switch alone.</summary>
    public static ShmemHuge OfMemfd() => ForMount(MachineSwitch(), MachineSwitch());

    /// <summary>Combines a mount's <c>huge=</c> with the machine's switch.</summary>
    public static ShmemHuge ForMount(string? huge, string? machine) => (huge, machine) switch
    {
        (_, null) => ShmemHuge.No, // A kernel without transparent huge pages.
        (_, "deny") => ShmemHuge.No,
        (_, "force") => ShmemHuge.Yes,
        ("always" or "within_size", _) => ShmemHuge.Yes,
        ("advise", _) => ShmemHuge.Advise,
        _ => ShmemHuge.No,
    };

    /// <summary>The word in brackets: <c>always within_size advise [never] deny force</c>.</summary>
    public static string? Chosen(string choices)
    {
        int open = choices.IndexOf('[', StringComparison.Ordinal);
        int close = choices.IndexOf(']', StringComparison.Ordinal);
        return open >= 0 && close > open ? choices[(open + 1)..close] : null;
    }

    private static string? MachineSwitch() => KernelFile.TryRead(Switch) is { } text ? Chosen(text) : null;
}
