namespace GuestMemFs.Media;

/// <summary>What sysfs tells about the device under a filesystem.</summary>
internal static class PersistentMemory
{
    /// <summary>
    /// The AppContext switch (runtimeconfig.json, or AppContext.SetSwitch before the first use) that makes stores
    /// outlive a loss of power.
    /// </summary>
    public const string PowerLossSwitch = "GuestMemFs.PersistThroughPowerLoss";

    /// <summary>True where the switch is on.</summary>
    public static bool WritesThrough { get; } = AppContext.TryGetSwitch(PowerLossSwitch, out bool on) && on;

    /// <summary>
    /// True where the device is known to keep its content without power. Memory that was only marked as persistent for
    /// the kernel (<c>memmap=</c>, provider <c>e820</c>) does not, and of a device that is not on an nvdimm bus nothing
    /// is known: both are false.
    /// </summary>
    /// <param name="device">major:minor.</param>
    public static bool SurvivesPowerLoss(string? device) =>
        ProviderOf(device) is { Length: > 0 } provider && provider != "e820";

    /// <summary>
    /// False for the one device that has DAX and no synchronous mappings: <c>virtio_pmem</c>, whose host must be asked
    /// to flush.
    /// </summary>
    /// <param name="device">major:minor.</param>
    public static bool MapsSynchronously(string? device) => ProviderOf(device) != "virtio-pmem";

    private static string? ProviderOf(string? device)
    {
        string link = "/sys/dev/block/" + device;
        return device is not null && Directory.Exists(link)
            && Directory.ResolveLinkTarget(link, returnFinalTarget: true) is { } target
            && BusOf(target.FullName) is { } bus
            ? KernelFile.TryRead(bus + "/provider")
            : null;
    }

    /// <summary>The nvdimm bus (<c>…/ndbus0</c>) that a device's path leads through, or null.</summary>
    public static string? BusOf(string devicePath)
    {
        int bus = devicePath.IndexOf("/ndbus", StringComparison.Ordinal);
        if (bus < 0)
        {
            return null;
        }

        int end = devicePath.IndexOf('/', bus + 1);
        return end < 0 ? devicePath : devicePath[..end];
    }
}
