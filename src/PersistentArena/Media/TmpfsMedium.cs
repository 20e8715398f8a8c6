using GuestMemFs.Native;

namespace GuestMemFs.Media;

/// <summary>
/// tmpfs: memory of the page cache. Survives the process. With <c>huge=always</c> or <c>within_size</c> it gives 2 MiB
/// pages where it finds some, with <c>huge=advise</c> to mappings that ask (ours do), and without any of it to what was
/// reserved, by collapsing (Linux 6.1).
/// </summary>
internal sealed class TmpfsMedium : FileSystemMedium
{
    /// <summary>Takes the directory over.</summary>
    public TmpfsMedium(MediumDirectory directory)
        : base(directory)
    {
        ShmemHuge huge = ShmemHugePages.OfMount(directory.Mount);
        Capabilities = CapabilitiesWith(huge) with { CanBeSwapped = directory.Mount?.Has("noswap") != true };
        Traits = TraitsWith(huge);
    }

    public override string Name => "tmpfs";

    public override MediumCapabilities Capabilities { get; }

    internal override bool KeepsNumaPolicy => true;

    protected override FileTraits Traits { get; }

    /// <summary>
    /// The filesystem's own limit, and no more than the machine has memory available: the limit is often half of all
    /// there is, or all.
    /// </summary>
    public override MediumSpace GetSpace()
    {
        MediumSpace limit = base.GetSpace();
        long available = MachineMemory.Available();
        return limit.Total == 0 // size=0: without limit
            ? new MediumSpace(MachineMemory.Total(), available)
            : limit with { Free = Math.Min(limit.Free ?? 0, available) };
    }

    internal static MediumCapabilities CapabilitiesWith(ShmemHuge huge) => new()
    {
        Survives = Survives.ProcessExit,
        PageSize = huge == ShmemHuge.No ? PageSizes.Small : PageSizes.Huge2M,
        PageSizeByTrial = huge == ShmemHuge.Perhaps ? ShmemHugePages.PageSizeByTrial : null,
        FileGranularity = PageSizes.Huge2M,
        MaximumFileLength = MaximumLength,
        CanBeSwapped = true,
    };

    internal static FileTraits TraitsWith(ShmemHuge huge) => new()
    {
        Reserve = huge == ShmemHuge.No ? ReserveBy.Fallocate : ReserveBy.HugePages,
        TakesMemory = true,
        AskForHugePages = huge != ShmemHuge.No,
    };

    /// <summary>Less than the kernel's limit (8 EiB), more than any machine: room for arithmetic.</summary>
    internal const long MaximumLength = 1L << 46;
}
