using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Image;

/// <summary>
/// Our filesystem for kernels, <c>kernel/guestmemfs</c>, built against each kernel of the lab, and its own test
/// programs. Built in the cache, so that only what changed is built again.
/// </summary>
internal static class FilesystemModule
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);
    private static readonly string s_sources = Repository.PathOf("kernel", "guestmemfs");

    /// <summary>Builds the module without a warning, or fails with what the compiler said; gives its file.</summary>
    public static string Build(LabParts parts, Kernel kernel)
    {
        string folder = Path.Combine(kernel.Folder(parts), "guestmemfs");
        Update(s_sources, folder);
        string said = Tool.Run(s_limit, "make", "-s", "-C", folder,
            $"KDIR={Path.Combine(kernel.Folder(parts), "build")}", "W=1", "modules");
        return said.Contains("warning:", StringComparison.Ordinal)
            ? throw new InvalidOperationException($"The module has warnings for {kernel}:\n{said}")
            : Path.Combine(folder, "guestmemfs.ko");
    }

    /// <summary>Builds the module otherwise than it is; gives its file.</summary>
    public static string Build(LabParts parts, Kernel kernel, ModuleVariant variant)
    {
        string folder = Path.Combine(kernel.Folder(parts), $"guestmemfs-{variant.Name}");
        Update(s_sources, folder, variant.Apply);
        Tool.Run(s_limit, "make", "-s", "-C", folder, $"KDIR={Path.Combine(kernel.Folder(parts), "build")}",
            $"KCFLAGS={variant.Flags}", "modules");
        return Path.Combine(folder, "guestmemfs.ko");
    }

    /// <summary>Builds the test programs; gives the folder where they are.</summary>
    public static string BuildTests(LabParts parts)
    {
        string folder = Path.Combine(parts.Cache, "guestmemfs-tests");
        Update(Path.Combine(s_sources, "tests"), folder);
        Tool.Run(s_limit, "make", "-s", "-C", folder);
        return folder;
    }

    // Only files that changed are written, so that make sees what there is to do; those that went away go.
    private static void Update(string from, string to, Func<string, byte[], byte[]>? change = null)
    {
        Directory.CreateDirectory(to);
        string[] sources = [.. Directory.EnumerateFiles(from).Where(IsSource).Select(file => Path.GetFileName(file)!)];
        foreach (string name in sources)
        {
            byte[] content = File.ReadAllBytes(Path.Combine(from, name));
            content = change?.Invoke(name, content) ?? content;
            string target = Path.Combine(to, name);
            if (!File.Exists(target) || !content.AsSpan().SequenceEqual(File.ReadAllBytes(target)))
            {
                File.WriteAllBytes(target, content);
            }
        }

        foreach (string gone in Directory.EnumerateFiles(to).Where(file =>
            IsSource(file) && !sources.Contains(Path.GetFileName(file))))
        {
            File.Delete(gone);
        }
    }

    private static bool IsSource(string file) => Path.GetExtension(file) is ".h" or ".sh"
        || (Path.GetExtension(file) == ".c" && !file.EndsWith(".mod.c", StringComparison.Ordinal))
        || Path.GetFileName(file) is "Kbuild" or "Makefile";
}
