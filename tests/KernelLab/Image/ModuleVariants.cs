using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Image;

/// <summary>
/// A disk with variants of our module for a kernel, <c>NAME.ko</c>, beside the root image: the machines' second.
/// </summary>
internal sealed class ModuleVariants : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gmf-module-variants-");

    private ModuleVariants()
    {
    }

    /// <summary>What QEMU is started with.</summary>
    public IReadOnlyList<string> Devices => ["-drive", $"file={Disk},if=virtio,format=raw,readonly=on"];

    private string Disk => Path.Combine(_folder.FullName, "disk.img");

    public static ModuleVariants Build(LabParts parts, Kernel kernel, IEnumerable<ModuleVariant> variants)
    {
        var built = new ModuleVariants();
        try
        {
            string root = Directory.CreateDirectory(Path.Combine(built._folder.FullName, "root")).FullName;
            foreach (ModuleVariant variant in variants)
            {
                File.Copy(FilesystemModule.Build(parts, kernel, variant), Path.Combine(root, $"{variant.Name}.ko"));
            }

            Tool.Run(s_limit, Tool.Find("mkfs.ext4")!, "-q", "-F", "-O", "^has_journal", "-d", root, built.Disk, "64M");
            return built;
        }
        catch
        {
            built.Dispose();
            throw;
        }
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
