using System.Diagnostics;

namespace GuestMemFs.KernelLab.Guest;

/// <summary>
/// A directory on the kind of memory that a scenario is about, made in the first stage and found again in later ones.
/// </summary>
internal static class Place
{
    public const string MountPoint = "/mnt/memory";

    /// <summary>The module's name for the memory.</summary>
    public const string Range = "lab";

    /// <summary>Where an arena is.</summary>
    public const string Arena = MountPoint + "/arena";

    private const string PersistentDisk = "/dev/pmem0";
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    /// <summary>Mounts it, with what the last kernel left on it, and gives the path for an arena.</summary>
    public static string Open(Stage stage)
    {
        MakeMountPoint();
        switch (stage.Arguments.Get("medium"))
        {
            case "dax":
                MountDax(stage);
                break;
            case "guestmemfs":
                MountModule(stage);
                break;
            case "tmpfs":
                Shell.Run("mount", "-t", "tmpfs", "-o", $"size={stage.Arguments.Find("room") ?? "512M"}", "lab",
                    MountPoint);
                break;
            case "hugetlbfs":
                File.WriteAllText("/proc/sys/vm/nr_hugepages", "256");
                Shell.Run("mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "lab", MountPoint);
                break;
            case { } other:
                throw new ScenarioException($"there is no medium '{other}'");
        }

        return Arena;
    }

    public static string MakeMountPoint() => Directory.CreateDirectory(MountPoint).FullName;

    /// <summary>Waits for a device: they are probed in the background.</summary>
    public static void WaitFor(string device)
    {
        long since = Stopwatch.GetTimestamp();
        while (!File.Exists(device))
        {
            Stage.Check(Stopwatch.GetElapsedTime(since) < s_limit, $"there is no {device}");
            Thread.Sleep(20);
        }
    }

    /// <summary>ext4 whose blocks lie in 2 MiB pieces, so that DAX can map them so.</summary>
    private static void MountDax(Stage stage)
    {
        stage.LoadModules("libnvdimm", "nd_btt", "nd_pmem", "nd_e820");
        WaitFor(PersistentDisk);
        if (stage.Number == 0)
        {
            Shell.Run("mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "stride=512,stripe_width=512", PersistentDisk);
        }

        Shell.Run("mount", "-t", "ext4", "-o", "dax=always", PersistentDisk, MountPoint);
    }

    /// <summary>Our module, over the memory that the command line sets aside for it.</summary>
    private static void MountModule(Stage stage)
    {
        if (!Directory.Exists("/sys/module/guestmemfs"))
        {
            Shell.Run("insmod", $"{stage.Modules}/guestmemfs.ko", $"ranges={Range}:{Reserved()}");
        }

        Shell.Run("mount", "-t", "guestmemfs", "-o",
            stage.Number == 0 ? $"range={Range},format=force" : $"range={Range}", "none", MountPoint);
    }

    // memmap=512M$0x40000000 sets aside what the module calls 512M@0x40000000.
    private static string Reserved() =>
        CommandLine.Current.Words("memmap=").FirstOrDefault(range =>
            range.Contains('$', StringComparison.Ordinal))?.Replace('$', '@')
        ?? throw new ScenarioException("the command line sets no memory aside");
}
