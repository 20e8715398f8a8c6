using GuestMemFs.Native;

namespace GuestMemFs.Media;

/// <summary>
/// Any other directory: files of an ordinary filesystem, through the page cache. Survives the process; a loss of power
/// only as far as <see cref="Medium.Flush"/> was called. The kernel writes changed pages back to the disk in the
/// background.
/// </summary>
internal sealed class DirectoryMedium(MediumDirectory directory) : FileSystemMedium(directory)
{
    public override string Name => "directory";

    public override MediumCapabilities Capabilities => Stated;

    protected override FileTraits Traits { get; } = new() { Reserve = ReserveBy.Fallocate };

    internal static MediumCapabilities Stated { get; } = new()
    {
        Survives = Survives.ProcessExit | Survives.PowerLoss,
        PageSize = PageSizes.Small,
        FileGranularity = PageSizes.Huge2M,
        MaximumFileLength = 16L << 40, // ext4 with blocks of 4 KiB
        CanFlush = true,
    };
}
