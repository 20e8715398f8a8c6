using GuestMemFs.Native;

namespace GuestMemFs.Media;

/// <summary>
/// ext4 or xfs on persistent memory, mounted with dax: mappings are the device's memory itself, without a page cache.
/// Survives the process and a kexec, and a loss of power (what was flushed) where the device does. What the filesystem
/// knows of its files is in the page cache all the same: mappings are synchronous, and names are flushed, or the next
/// kernel would have the bytes and not the files.
/// </summary>
internal sealed class DaxMedium : FileSystemMedium
{
    /// <summary>Takes the directory over.</summary>
    public DaxMedium(MediumDirectory directory)
        : base(directory) => Capabilities = CapabilitiesWith(
            PersistentMemory.SurvivesPowerLoss(directory.Mount?.Device),
            PersistentMemory.MapsSynchronously(directory.Mount?.Device));

    public override string Name => "dax";

    public override MediumCapabilities Capabilities { get; }

    protected override FileTraits Traits { get; } = new() { Reserve = ReserveBy.Fallocate, Synchronous = true };

    internal static MediumCapabilities CapabilitiesWith(bool survivesPowerLoss, bool mapsSynchronously = true) => new()
    {
        Survives = Survives.ProcessExit | (mapsSynchronously ? Survives.Kexec : Survives.Nothing)
            | (survivesPowerLoss ? Survives.PowerLoss : Survives.Nothing),
        PageSize = PageSizes.Huge2M, // where the filesystem finds 2 MiB-aligned blocks
        FileGranularity = PageSizes.Huge2M,
        MaximumFileLength = 16L << 40,
        CanFlush = true,
    };
}
