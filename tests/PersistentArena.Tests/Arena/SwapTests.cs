using System.Diagnostics;
using System.Globalization;
using GuestMemFs.Arena;
using GuestMemFs.Media;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Arena;

/// <summary>What may be swapped is told, and what is to be locked is locked.</summary>
public sealed class SwapTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void A_region_that_is_locked_counts_as_locked_also_where_it_has_grown()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using var arena = PersistentArena.Create(new ArenaOptions { Directory = medium.Directory, LockMemory = true });
        long before = Locked();
        using PersistentRegion region = arena.CreateRegion("r", 4 * MiB);
        Assert.Equal(before + (4 * MiB), Locked());

        region.Grow(6 * MiB);

        Assert.Equal(before + (6 * MiB), Locked());
    }

    [Fact]
    public void A_region_opened_again_is_locked_and_one_without_the_option_is_not()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = medium.Directory }))
        {
            long before = Locked();
            arena.CreateRegion("r", 4 * MiB).Dispose();
            using PersistentRegion plain = arena.OpenRegion("r");
            Assert.Equal(before, Locked());
        }

        using PersistentArena again =
            PersistentArena.Open(new ArenaOptions { Directory = medium.Directory, LockMemory = true });
        long without = Locked();

        using PersistentRegion region = again.OpenRegion("r");

        Assert.Equal(without + (4 * MiB), Locked());
    }

    [Theory]
    [InlineData(false, false, 1L << 30, true)]
    [InlineData(false, true, 1L << 30, false)]
    [InlineData(false, false, 0, false)]
    [InlineData(true, false, 1L << 30, false)]
    public void The_warning_comes_where_it_can_be_swapped_and_is_not_locked(
        bool noswap, bool locked, long swap, bool warned)
    {
        MediumCapabilities tmpfs = TmpfsMedium.CapabilitiesWith(ShmemHuge.No) with { CanBeSwapped = !noswap };

        AttachReason? reason = SwapWarning.For(tmpfs, locked, swap);

        Assert.Equal(warned ? ReasonCodes.MayBeSwapped : null, reason?.Code);
    }

    [Theory]
    [InlineData("size=64m,noswap", false)]
    [InlineData("size=64m", true)]
    public void Noswap_of_a_mount_is_known(string options, bool canBeSwapped)
    {
        using TestMedium medium = TestMedia.Mounted("tmpfs", "tmpfs", options);

        Assert.Equal(canBeSwapped, medium.Open().Capabilities.CanBeSwapped);
    }

    [Fact]
    public void The_attach_report_says_so_where_this_machine_has_swap()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = medium.Directory });

        bool told = arena.AttachReport.Reasons.Any(reason => reason.Code == ReasonCodes.MayBeSwapped);

        Assert.Equal(MachineMemory.Swap() > 0 && arena.Medium.Capabilities.CanBeSwapped, told);
        Assert.Equal(told, arena.Medium.MayBeSwapped);
    }

    /// <summary>The test before this one, where /proc/meminfo speaks of swap: hardly any machine of tests has
    /// some.</summary>
    [Fact]
    [Trait("speed", "slow")]
    public void The_attach_report_says_so_on_a_machine_with_swap()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "a mount of its own needs root");
        using TestFolder folder = new();
        File.WriteAllLines(folder["meminfo"], File.ReadLines("/proc/meminfo").Select(line =>
            line.StartsWith("SwapTotal:", StringComparison.Ordinal) ? "SwapTotal:       1048576 kB" : line));
        string[] self = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
            ? [Environment.ProcessPath!, typeof(SwapTests).Assembly.Location] : [Environment.ProcessPath!];
        ProcessStartInfo start = new("unshare", [
            "--mount", "sh", "-c", "mount --bind \"$0\" /proc/meminfo && exec \"$@\"", folder["meminfo"], .. self,
            "-noColor", "-method", $"*.{nameof(The_attach_report_says_so_where_this_machine_has_swap)}"])
        {
            RedirectStandardOutput = true,
        };
        using Process there = Process.Start(start)!;
        string said = there.StandardOutput.ReadToEnd();
        there.WaitForExit();

        Assert.True(there.ExitCode == 0 && said.Contains("Total: 1", StringComparison.Ordinal), said);
    }

    // VmLck counts what is locked of the whole process; nothing else here locks.
    private static long Locked()
    {
        string line = File.ReadLines("/proc/self/status").Single(l => l.StartsWith("VmLck:", StringComparison.Ordinal));
        return long.Parse(line.AsSpan(6, line.Length - 9).Trim(), CultureInfo.InvariantCulture) << 10;
    }
}
