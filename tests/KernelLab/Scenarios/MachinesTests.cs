using System.Globalization;
using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>Machines inside the machine, QEMU in QEMU: the kernel under them is replaced, and they go on where they were.</summary>
public sealed class MachinesTests(Lab lab)
{
    [Theory]
    [InlineData("guestmemfs")]
    [InlineData("dax")]
    public void Two_machines_go_on_under_the_next_kernel_after_the_instruction_they_stopped_at(string medium)
    {
        Transcript run = lab.Run(On(medium, "machines-kept", ram: 64)).MustSucceed();

        Assert.Equal(2, run.Stages.Count);
        Assert.InRange(run.Number("pattern right after pages"), 1, long.MaxValue);
        Assert.InRange(InnerCount.CheckWhole(run), 50, int.MaxValue);
    }

    [Theory]
    [InlineData("guestmemfs")]
    [InlineData("dax")]
    public void Two_machines_and_KvStore_go_on_after_a_live_update_and_what_goes_wrong_with_one_leaves_the_others_whole(string medium)
    {
        Transcript run = lab.Run(On(medium, "live-updated", ram: 64)).MustSucceed();

        Assert.Equal(3, run.Stages.Count);
        Assert.Equal(3, run.Stages.Select(stage => stage.BootId).Distinct().Count());
        Assert.Equal(["100000", "100000"], run.All("right"));
        Assert.Equal(2, run.All("pattern right at page").Count);
        Assert.InRange(InnerCount.CheckWhole(run), 150, int.MaxValue);
    }

    private static Boot On(string medium, string scenario, int ram)
    {
        Assert.SkipUnless(LabCache.NewerQemu is not null, $"no QEMU 10 in {LabCache.Folder}: {LabCache.Command} (Debian 12)");
        return new Boot
        {
            Scenario = scenario,
            Memory = "2560M",
            CommandLine = Boot.MemoryOf(medium).Replace("512M", "768M", StringComparison.Ordinal),
            Arguments = new Dictionary<string, string> { ["medium"] = medium, ["ram"] = ram.ToString(CultureInfo.InvariantCulture), ["keys"] = "100000" },
            Counts = true,
            Limit = TimeSpan.FromMinutes(14),
        };
    }
}
