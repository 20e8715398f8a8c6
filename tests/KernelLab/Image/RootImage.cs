using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Image;

/// <summary>
/// The root filesystem of the machines, an ext4 image that they mount read-only: busybox, mkfs.ext4, the guest program
/// with KvStore and gmfs beside it, and the kernels to kexec into.
/// </summary>
internal sealed class RootImage : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);
    private static readonly string[] s_folders = ["bin", "proc", "sys", "dev", "tmp", "run", "mnt", "mnt2", "root",
        "boot", "app", "modules", "tests", "etc", "machines"];
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gmf-kernel-lab-");

    private RootImage()
    {
    }

    /// <summary>The ext4 image.</summary>
    public string Path => System.IO.Path.Combine(_folder.FullName, "root.img");

    /// <summary>The initramfs, which is in the image too.</summary>
    public string InitialRamDisk => System.IO.Path.Combine(Root, "boot", "initrd");

    /// <summary>The folder that it was made of.</summary>
    public string Root => System.IO.Path.Combine(_folder.FullName, "root");

    public static RootImage Build(LabParts parts)
    {
        var image = new RootImage();
        try
        {
            image.Fill(parts);
            MakeFilesystem(image.Root, image.Path);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    /// <summary>An ext4 image with what is in a folder.</summary>
    public static void MakeFilesystem(string root, string path)
    {
        long size = Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Sum(file =>
            new FileInfo(file).Length + 4096) * 5 / 4;
        Tool.Run(s_limit, Tool.Find("mkfs.ext4")!, "-q", "-F", "-O", "^has_journal", "-m", "0", "-d", root, path,
            $"{(size >> 20) + 16}M");
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private void Fill(LabParts parts)
    {
        foreach (string folder in s_folders)
        {
            Directory.CreateDirectory(In(folder));
        }

        File.Copy(parts.Busybox, In("bin/busybox"));
        foreach (string applet in Tool.Run(s_limit, parts.Busybox, "--list")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(applet => applet != "busybox"))
        {
            File.CreateSymbolicLink(In($"bin/{applet}"), "busybox");
        }

        File.Copy(parts.Kexec, In("bin/kexec"));
        foreach (string library in Directory.EnumerateFiles(
            System.IO.Path.Combine(System.IO.Path.GetDirectoryName(parts.Kexec)!, "lib")))
        {
            Directory.CreateDirectory(In("usr/lib"));
            File.Copy(library, In($"usr/lib/{System.IO.Path.GetFileName(library)}"));
        }

        AddProgram(Tool.Find("mkfs.ext4")!, "bin/mkfs.ext4");
        GuestPrograms.Publish(In("app"));
        AddGuestLibraries();
        File.Copy(Repository.PathOf("tests", "KernelLab.Guest", "init"), In("init"));
        File.SetUnixFileMode(In("init"), (UnixFileMode)0x1ED /* 0755 */);
        File.Copy("/etc/mke2fs.conf", In("etc/mke2fs.conf")); // without it there are no extents
        AddKernels(parts);
        AddMachines();
    }

    /// <summary>
    /// What machines inside the machine need: the newer QEMU with its firmware, flock, and what runs in them.
    /// </summary>
    private void AddMachines()
    {
        if (LabCache.NewerQemu is not { } qemu)
        {
            return; // Their tests are skipped, and say why.
        }

        string usr = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(qemu)!, "usr");
        AddProgram(System.IO.Path.Combine(usr, "bin", "qemu-system-x86_64"), "bin/qemu-system-x86_64");
        foreach (string folder in (string[])["share/qemu", "share/seabios"])
        {
            Directory.CreateDirectory(In($"usr/{folder}"));
            foreach (string file in Directory.EnumerateFiles(System.IO.Path.Combine(usr, folder)))
            {
                File.Copy(file, In($"usr/{folder}/{System.IO.Path.GetFileName(file)}"));
            }
        }

        File.Delete(In("bin/flock")); // busybox's has no --no-fork
        AddProgram(Tool.Find("flock")!, "bin/flock");
        Tool.Run(s_limit, Repository.PathOf("tests", "TinyGuest", "build"), In("machines"));
    }

    private void AddKernels(LabParts parts)
    {
        Image.InitialRamDisk.Write(parts, InitialRamDisk);
        foreach (Kernel kernel in Kernel.All)
        {
            Directory.CreateDirectory(In($"boot/{kernel}"));
            File.Copy(kernel.Image(parts), In($"boot/{kernel}/vmlinuz"));
            string modules = $"modules/{kernel.Release(parts)}";
            if (Directory.Exists(In(modules)))
            {
                continue; // While debugging all kernels are one.
            }

            Directory.CreateDirectory(In(modules));
            foreach (string module in kernel.Modules(parts))
            {
                File.Copy(module, In($"{modules}/{System.IO.Path.GetFileName(module)}"));
            }

            File.Copy(FilesystemModule.Build(parts, kernel), In($"{modules}/guestmemfs.ko"));
        }

        foreach (string program in Directory.EnumerateFiles(FilesystemModule.BuildTests(parts)).Where(file =>
            System.IO.Path.GetExtension(file) is ".sh" || File.GetUnixFileMode(file).HasFlag(UnixFileMode.UserExecute)))
        {
            File.Copy(program, In($"tests/{System.IO.Path.GetFileName(program)}"));
        }
    }

    // What the guest's programs need beside themselves.
    private void AddGuestLibraries()
    {
        foreach (string file in GuestPrograms.Names.Select(name => In($"app/{name}")).Concat(
            Directory.EnumerateFiles(In("app"), "*.so")))
        {
            AddLibraries(file);
        }

        // Random numbers come from OpenSSL, which .NET loads by name.
        string ssl = Tool.Run(s_limit, Tool.Find("ldconfig")!, "-p").Split('\n').First(line =>
            line.Contains("libssl.so.3", StringComparison.Ordinal)).Split("=> ")[1];
        AddLibraries(ssl);
        AddProgram(ssl, ssl[1..]);
        if (!GuestPrograms.AreNative(In("app")))
        {
            AddRuntime();
        }
    }

    // From where the runtime that runs us is; the programs find it by DOTNET_ROOT.
    private void AddRuntime()
    {
        string framework = System.IO.Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        string version = System.IO.Path.GetFileName(framework);
        string root = System.IO.Path.GetFullPath(System.IO.Path.Combine(framework, "..", "..", ".."));
        string resolver = $"host/fxr/{version}/libhostfxr.so";
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(In($"dotnet/{resolver}"))!);
        File.Copy(System.IO.Path.Combine(root, resolver), In($"dotnet/{resolver}"));
        string target = In($"dotnet/shared/Microsoft.NETCore.App/{version}");
        Directory.CreateDirectory(target);
        foreach (string file in Directory.EnumerateFiles(framework))
        {
            File.Copy(file, System.IO.Path.Combine(target, System.IO.Path.GetFileName(file)));
        }

        AddLibraries(System.IO.Path.Combine(framework, "libcoreclr.so"));
        AddLibraries(System.IO.Path.Combine(framework, "libSystem.Native.so"));
    }

    private void AddProgram(string from, string to)
    {
        File.Copy(File.ResolveLinkTarget(from, returnFinalTarget: true)?.FullName ?? from, In(to));
        AddLibraries(from);
    }

    /// <summary>The shared libraries of a program, at the paths where the loader looks for them here.</summary>
    private void AddLibraries(string of)
    {
        foreach (string line in Tool.Run(s_limit, "ldd", of).Split('\n'))
        {
            string? library = line.Split(' ', '\t').FirstOrDefault(word => word.StartsWith('/'));
            if (library is not null && !File.Exists(In(library[1..])))
            {
                Directory.CreateDirectory(System.IO.Path.GetDirectoryName(In(library[1..]))!);
                File.Copy(library, In(library[1..]));
            }
        }
    }

    private string In(string path) => System.IO.Path.Combine(Root, path);
}
