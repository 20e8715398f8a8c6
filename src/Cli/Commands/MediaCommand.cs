using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Reports;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs media</c>.</summary>
internal static class MediaCommand
{
    public static Command Create(Globals globals) =>
        globals.Runs(new Command("media", "What this machine offers: what each medium survives, page sizes, free " +
            "room, and what to type for better."), call => Look(call.ArenaName ?? "default"));

    private static MediaReport Look(string name)
    {
        IReadOnlyList<MediumCandidate> candidates = MediumCandidates.Enumerate(name);
        return new MediaReport(
            name,
            [.. candidates.Select(c => new MediumLine(c.Kind, c.MountPoint, c.Directory, c.Capabilities?.Survives,
                c.Capabilities?.PageSize, c.Space?.Total, c.Space?.Free, c.HasFiles, c.IsUsable, c.Objection))],
            [.. Better([.. candidates.Where(c => c.IsUsable)])]);
    }

    /// <summary>What is not there yet, and would be better than what is.</summary>
    internal static IEnumerable<Advice> Better(IReadOnlyCollection<MediumCandidate> usable)
    {
        const string unit = "16G";
        if (!usable.Any(c => c.Capabilities?.PageSize >= RegionOptions.MinimumLength))
        {
            yield return new Advice("Pages of 2 MiB, faster access to large data (tmpfs of its own)",
                [$"mount -t tmpfs -o huge=always,size={unit},mode=1777 guestmemfs /mnt/guestmemfs-tmp"]);
        }

        if (!usable.Any(c => c.Kind == "hugetlbfs"))
        {
            yield return new Advice("Huge pages that are certain (hugetlbfs)",
                ["echo 8192 > /proc/sys/vm/nr_hugepages          # 16 GiB",
                    "mount -t hugetlbfs -o pagesize=2M,mode=1777 none /mnt/huge"]);
        }

        if (!usable.Any(c => c.Capabilities?.Survives.HasFlag(Survives.Kexec) == true && c.Kind != "directory"))
        {
            yield return new Advice(
                "Memory that outlives the kernel (persistent memory, or memory set aside for it)",
                ["memmap=16G!32G                                   # on the kernel's command line, where there is " +
                    "no real one", "mkfs.ext4 -b 4096 -E stride=512,stripe_width=512 -F /dev/pmem0",
                    "mount -o dax /dev/pmem0 /mnt/pmem"]);
            yield return new Advice("The same with guestmemfs (a kernel with the patches)",
                ["guestmemfs=16G                                   # on the kernel's command line",
                    "mount -t guestmemfs guestmemfs /mnt/guestmemfs"]);
        }
    }
}
