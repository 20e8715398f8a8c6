using GuestMemFs.Format;

namespace GuestMemFs.Arena;

/// <summary>
/// What stores through the seam cannot do: where files belong to a filesystem on the memory that is kept, that
/// filesystem has to write them down too.
/// </summary>
internal static class PowerLoss
{
    /// <summary>
    /// Makes a mapped file and all names of the medium safe from a kexec, a panic and a loss of power, before something
    /// is committed that needs them. Nothing happens where the medium cannot flush; nor where it keeps nothing over a
    /// kexec, unless the switch <see cref="Media.PersistentMemory.PowerLossSwitch"/> is on.
    /// </summary>
    /// <param name="medium">The medium.</param>
    /// <param name="address">Of a page of the file's mapping: a multiple of 4096.</param>
    public static void KeepFile(Medium medium, nint address)
    {
        MediumCapabilities capabilities = medium.Capabilities;
        if (capabilities.CanFlush && (Persist.ThroughPowerLoss || capabilities.Survives.HasFlag(Survives.Kexec)))
        {
            medium.Flush(address, Native.PageSizes.Small);
        }
    }
}
