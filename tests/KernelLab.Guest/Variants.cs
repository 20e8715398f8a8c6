namespace GuestMemFs.KernelLab.Guest;

/// <summary>Variants of our module, on the machine's second disk.</summary>
internal static class Variants
{
    private const string MountPoint = "/run/variants", Disk = "/dev/vdb";

    /// <summary>A variant's file.</summary>
    public static string Module(string name)
    {
        if (!Directory.Exists(MountPoint))
        {
            Directory.CreateDirectory(MountPoint);
            Shell.Run("mount", "-t", "ext4", "-o", "ro", Disk, MountPoint);
        }

        return $"{MountPoint}/{name}.ko";
    }
}
