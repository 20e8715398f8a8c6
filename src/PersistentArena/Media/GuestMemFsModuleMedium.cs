using GuestMemFs.Native;

namespace GuestMemFs.Media;

/// <summary>
/// guestmemfs as <c>kernel/guestmemfs</c> does it: a filesystem like others in directories, sizes and free space, whose
/// memory a kexec and a panic leave as it is. It is known by what it says it can do, in
/// <c>/sys/fs/guestmemfs/RANGE/features</c>; the patches of August 2024 have no such file.
/// </summary>
internal sealed class GuestMemFsModuleMedium(MediumDirectory directory) : FileSystemMedium(directory)
{
    private static readonly string[] s_needed =
        ["sizes-exact", "fallocate", "punch-hole", "directories", "unlink-frees", "scrubbed", "free-space-true",
            "page-2m", "crash-safe"];

    public override string Name => "guestmemfs";

    public override MediumCapabilities Capabilities => Stated;

    // There are no struct pages, so some advice is refused.
    protected override FileTraits Traits { get; } = new() { Reserve = ReserveBy.Fallocate, MadviseMayFail = true };

    internal static MediumCapabilities Stated { get; } = new()
    {
        Survives = Survives.ProcessExit | Survives.Kexec,
        PageSize = PageSizes.Huge2M,
        FileGranularity = PageSizes.Huge2M,
        MaximumFileLength = 16L << 40,
    };

    /// <summary>Whether the filesystem of a mount says that it can all that is stated here.</summary>
    /// <param name="mount">A mount of type guestmemfs.</param>
    /// <param name="sysfs">Where sysfs is.</param>
    public static bool Answers(MountInfo mount, string sysfs = "/sys") =>
        mount.Value("range") is { Length: > 0 } range
        && KernelFile.TryRead(Path.Combine(sysfs, "fs", "guestmemfs", Path.GetFileName(range),
            "features")) is { } features
        && s_needed.All(features.Split('\n', ' ').Contains);
}
