using System.Diagnostics;

namespace GuestMemFs.KernelLab.Guest;

/// <summary>A directory on the kind of memory that a scenario is about, made in the first stage and found again in later ones.</summary>
internal static class Place
{
    private const string MountPoint = "/mnt/memory";
    private const string PersistentDisk = "/dev/pmem0";
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    /// <summary>Mounts it, with what the last kernel left on it, and gives its path.</summary>
    public static string Open(Stage stage)
    {
        Directory.CreateDirectory(MountPoint);
        switch (stage.Arguments.Get("medium"))
        {
            case "dax":
                MountDax(stage);
                break;
            case "tmpfs":
                Shell.Run("mount", "-t", "tmpfs", "-o", "size=512M", "lab", MountPoint);
                break;
            case "hugetlbfs":
                File.WriteAllText("/proc/sys/vm/nr_hugepages", "256");
                Shell.Run("mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "lab", MountPoint);
                break;
            case { } other:
                throw new ScenarioException($"there is no medium '{other}'");
        }

        return MountPoint;
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

    // Devices are probed in the background.
    private static void WaitFor(string device)
    {
        long since = Stopwatch.GetTimestamp();
        while (!File.Exists(device))
        {
            Stage.Check(Stopwatch.GetElapsedTime(since) < s_limit, $"there is no {device}");
            Thread.Sleep(20);
        }
    }
}
