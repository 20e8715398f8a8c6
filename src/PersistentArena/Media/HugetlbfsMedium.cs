using System.Globalization;
using GuestMemFs.Native;

namespace GuestMemFs.Media;

/// <summary>
/// hugetlbfs: pages of 2 MiB or 1 GiB that were set aside for it. Survives the process.
/// </summary>
/// <remarks>
/// Mapping a file reserves its pages, and the reservation stays with the inode; so <see cref="Medium.CreateFile"/> maps
/// once, and no store can end in SIGBUS afterwards. A discarded range has no reservation any more:
/// <see cref="MediumFile.Reserve"/> takes it again. The kernel does not reserve by NUMA node: a process bound to one
/// node may still fail there.
/// </remarks>
internal sealed class HugetlbfsMedium : FileSystemMedium
{
    private readonly long _pageSize;

    /// <summary>Takes the directory over.</summary>
    public HugetlbfsMedium(MediumDirectory directory)
        : base(directory)
    {
        _pageSize = directory.FileSystem().BlockSize;
        Capabilities = CapabilitiesWith(_pageSize);
    }

    public override string Name => "hugetlbfs";

    public override MediumCapabilities Capabilities { get; }

    protected override FileTraits Traits { get; } = new() { Reserve = ReserveBy.Mapping };

    /// <summary>Pages that nobody has or has reserved, within the mount's own limit where it has one.</summary>
    public override MediumSpace GetSpace()
    {
        MediumSpace pool = PoolOf(_pageSize);
        StatFs mount = Directory.FileSystem();
        bool limited = mount.Blocks is > 0 and < (1UL << 40);
        if (!limited)
        {
            return pool;
        }

        // A mount with min_size has its pages set aside: they count as reserved in the pool, and are free here.
        long free = (long)mount.BlocksFree * _pageSize;
        long reserved = Directory.Mount?.Value("min_size") is null ? 0 : free;
        return new MediumSpace((long)mount.Blocks * _pageSize, Math.Min(free, Math.Max(pool.Free ?? 0, reserved)));
    }

    internal static MediumCapabilities CapabilitiesWith(long pageSize) => new()
    {
        Survives = Survives.ProcessExit,
        PageSize = pageSize,
        FileGranularity = Math.Max(pageSize, PageSizes.Huge2M),
        MaximumFileLength = TmpfsMedium.MaximumLength,
        CreationTakesSpace = true,
    };

    /// <summary>The machine's pool of pages of one size.</summary>
    internal static MediumSpace PoolOf(long pageSize)
    {
        string pool = string.Create(CultureInfo.InvariantCulture,
            $"/sys/kernel/mm/hugepages/hugepages-{pageSize >> 10}kB/");
        long Pages(string file) => KernelFile.TryReadNumber(pool + file) ?? 0;
        return new MediumSpace(Pages("nr_hugepages") * pageSize,
            Math.Max(0, Pages("free_hugepages") - Pages("resv_hugepages")) * pageSize);
    }
}
