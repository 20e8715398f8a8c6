using GuestMemFs.Format;

namespace GuestMemFs.Regions;

/// <summary>What stores through the seam cannot do for memory that is to outlive a loss of power: the filesystem has to know the files too.</summary>
internal static class PowerLoss
{
    /// <summary>
    /// Makes a mapped file and all names of the medium safe from a loss of power, before something is committed that needs them. Nothing happens without the switch
    /// <see cref="Media.PersistentMemory.PowerLossSwitch"/>, or where the medium cannot flush.
    /// </summary>
    /// <param name="medium">The medium.</param>
    /// <param name="address">Of a page of the file's mapping: a multiple of 4096.</param>
    public static void KeepFile(Medium medium, nint address)
    {
        if (Persist.ThroughPowerLoss && medium.Capabilities.CanFlush)
        {
            medium.Flush(address, Native.PageSizes.Small);
        }
    }
}
