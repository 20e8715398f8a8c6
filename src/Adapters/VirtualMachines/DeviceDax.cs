using System.Globalization;

namespace GuestMemFs.VirtualMachines;

/// <summary>
/// What the kernel says of a device-dax: memory without a filesystem, as one character device
/// (Documentation/ABI/testing/sysfs-bus-dax).
/// </summary>
/// <param name="Path">The device.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Alignment">What every mapping's begin and length are multiples of, in bytes.</param>
internal sealed record DeviceDax(string Path, long Length, long Alignment)
{
    private const string Devices = "/sys/bus/dax/devices";

    /// <summary>Asks.</summary>
    /// <param name="path">The device, or a link to it.</param>
    /// <param name="devices">The kernel's list of such devices, where a test has its own.</param>
    /// <exception cref="GuestMemoryException">It is none.</exception>
    public static DeviceDax Find(string path, string devices = Devices)
    {
        string device = File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path
            : throw GuestMemoryException.OfDevice(path, "there is no such file");
        string folder = System.IO.Path.Combine(devices, System.IO.Path.GetFileName(device));
        return Directory.Exists(folder)
            ? new DeviceDax(path, Number(folder, "size"), Number(folder, "align"))
            : throw GuestMemoryException.OfDevice(path, $"it is no device-dax: {folder} is not there. daxctl list " +
                "shows those of this machine; the files of an arena are named by their region");
    }

    private static long Number(string folder, string name) =>
        long.Parse(File.ReadAllText(System.IO.Path.Combine(folder, name)), CultureInfo.InvariantCulture);
}
