using GuestMemFs.Native;

namespace GuestMemFs.Media;

/// <summary>
/// guestmemfs: memory carved out at boot, which a kexec leaves as it is. What is stated here is what the kernel patches
/// of August 2024 do.
/// </summary>
internal sealed class GuestMemFsMedium(MediumDirectory directory) : FileSystemMedium(directory)
{
    public override string Name => "guestmemfs";

    public override MediumCapabilities Capabilities => Stated;

    protected override FileTraits Traits { get; } = new() { Reserve = ReserveBy.Creation, MadviseMayFail = true };

    internal static MediumCapabilities Stated { get; } = new()
    {
        Survives = Survives.ProcessExit | Survives.Kexec,
        PageSize = PageSizes.Small, // blocks are 2 MiB, but they are mapped in pieces of 4 KiB
        FileGranularity = PageSizes.Huge2M,
        MaximumFileLength = 1L << 30, // one page of block numbers, without a bounds check
        MaximumFiles = 1024,
        FreshMemoryIsZero = false,
        UnlinkFreesSpace = false,
        TruthfulFreeSpace = false,
        CreationTakesSpace = true,
        CanDiscard = false,
    };

    /// <summary>The carve-out's size; what is free is not told.</summary>
    public override MediumSpace GetSpace() => base.GetSpace() with { Free = null };

    /// <summary>
    /// The kernel hands out memory beyond the carve-out without a word. The files that are there are the least that was
    /// handed out (deleted ones give nothing back): refuse what certainly does not fit. The arena's ledger knows the
    /// rest.
    /// </summary>
    protected override void BeforeCreate(long length)
    {
        long total = GetSpace().Total;
        long used = 0;
        foreach (string name in ListFiles())
        {
            using MediumFile? file = TryOpenFile(name, writable: false);
            used += file?.Length ?? 0;
        }

        if (used + length > total)
        {
            throw new MediumException(MediumErrorKind.NoSpace, "create", Location, 0,
                $"The carve-out has {total} bytes, files take {used} of them, {length} more do not fit: boot with a " +
                "larger guestmemfs=, or use less.");
        }
    }
}
