using System.Globalization;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Image;

/// <summary>
/// The root filesystem of machines that boot systemd: all that is in the other one, and over it the unpacked systemd
/// with its C library, our units as an operator copies them, and the programs at the paths that the units name. Nothing
/// is started but what <c>tests/KernelLab.Guest/etc</c> names and a scenario asks for.
/// </summary>
internal sealed class SystemdImage : IDisposable
{
    private const string Missing = "no systemd was fetched for the lab's machines";
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    // Generators make units of what they find; this one of the kernel's command line (systemd.wants=), and no other is
    // kept.
    private const string Output = "[Service]\nStandardOutput=append:/run/%p.out\nStandardError=inherit\n";

    private const string Generators = "usr/lib/systemd/system-generators", KeptGenerator = "systemd-debug-generator";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gmf-kernel-lab-systemd-");

    private SystemdImage()
    {
    }

    /// <summary>The ext4 image.</summary>
    public string Path => System.IO.Path.Combine(_folder.FullName, "root.img");

    private string Root => System.IO.Path.Combine(_folder.FullName, "root");

    /// <summary>systemd's number, as 262. Skips the test where there is none.</summary>
    public static int Release
    {
        get
        {
            Assert.SkipWhen(LabCache.Systemd is null,
                $"{Missing}: {LabCache.Command} --systemd (Debian, a minute; left out where the mirror has none)");
            return int.Parse(File.ReadAllText(System.IO.Path.Combine(LabCache.Systemd!, "release")).Split('.', '-')[0],
                CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Makes it of the other one's files.</summary>
    public static SystemdImage Build(RootImage plain)
    {
        var image = new SystemdImage();
        try
        {
            image.Fill(plain.Root, LabCache.Systemd ?? throw new InvalidOperationException(Missing));
            RootImage.MakeFilesystem(image.Root, image.Path);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private void Fill(string plain, string systemd)
    {
        // Of two files at the same path the first stays: systemd's come first, its C library with them. The rest are
        // links, not copies.
        Directory.CreateDirectory(Root);
        Tool.Run(s_limit, "cp", "-a", System.IO.Path.Combine(systemd, "usr"), In("usr"));
        foreach (string generator in Directory.EnumerateFiles(In(Generators)).Where(file =>
            System.IO.Path.GetFileName(file) != KeptGenerator))
        {
            File.Delete(generator);
        }

        // Nor what Debian's packages would have started.
        foreach (string wanted in Directory.EnumerateDirectories(In("usr/lib/systemd/system"), "*.wants"))
        {
            Directory.Delete(wanted, recursive: true);
        }

        foreach (string name in (string[])["bin", "lib", "lib64", "sbin"])
        {
            Directory.CreateDirectory(In($"usr/{name}"));
            if (Directory.Exists(System.IO.Path.Combine(plain, name)))
            {
                Tool.Run(s_limit, "cp", "-aln", System.IO.Path.Combine(plain, name) + "/.", In($"usr/{name}"));
            }

            File.CreateSymbolicLink(In(name), $"usr/{name}");
        }

        foreach (string other in Directory.EnumerateFileSystemEntries(plain).Where(other =>
            System.IO.Path.GetFileName(other) is not ("bin" or "lib" or "lib64" or "sbin" or "init")))
        {
            Tool.Run(s_limit, "cp", "-aln", other, Root);
        }

        foreach (string mountPoint in (string[])["mnt/guestmemfs", "mnt/memory", "var"])
        {
            Directory.CreateDirectory(In(mountPoint));
        }

        File.CreateSymbolicLink(In("init"), "usr/lib/systemd/systemd");
        Tool.Run(s_limit, "cp", "-a", Repository.PathOf("tests", "KernelLab.Guest", "etc") + "/.", In("etc"));
        foreach (string unit in Directory.EnumerateFiles(Repository.PathOf("src", "Cli", "systemd")))
        {
            string copy = In($"etc/systemd/system/{System.IO.Path.GetFileName(unit)}");
            File.Copy(unit, copy);
            Directory.CreateDirectory(copy + ".d");
            File.WriteAllText($"{copy}.d/output.conf", Output); // there is no journal, and the console is root's
        }

        foreach (string name in GuestPrograms.Names)
        {
            File.CreateSymbolicLink(In($"usr/bin/{name}"), $"/app/{name}");
        }
    }

    private string In(string path) => System.IO.Path.Combine(Root, path);
}
