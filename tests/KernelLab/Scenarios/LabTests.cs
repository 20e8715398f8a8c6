using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>The lab itself: what is broken, it must notice.</summary>
public sealed class LabTests(Lab lab)
{
    [Theory]
    [InlineData("dax", "there is no /dev/pmem0")]
    [InlineData("guestmemfs", "the command line sets no memory aside")]
    public void A_kexec_that_forgets_the_memory_fails_the_scenario(string medium, string why)
    {
        Transcript run = lab.Run(new Boot
        {
            Scenario = "kvstore-stopped",
            CommandLine = Boot.MemoryOf(medium),
            Arguments = new Dictionary<string, string> { ["medium"] = medium, ["keys"] = "1000",
                ["forget"] = "memmap=" },
        });

        Assert.Equal(2, run.Stages.Count);
        Assert.Equal(why, Assert.Single(run.Failures));
    }

    [Fact]
    public void A_kernel_that_complains_fails_the_scenario()
    {
        string[] lines = ["WARNING: possible circular locking dependency detected",
            "BUG: KASAN: slab-use-after-free in somewhere", "INFO: possible recursive locking detected"];
        Transcript run = lab.Run(new Boot
        {
            Scenario = "kernel-complains",
            Kernel = Kernel.Own,
            Arguments = new Dictionary<string, string> { ["say"] = string.Join(',', lines).Replace(' ', '_') },
        });

        Assert.Equal(lines.Length, run.Failures.Count);
        Assert.All(lines.Zip(run.Failures), pair => Assert.EndsWith(pair.First, pair.Second, StringComparison.Ordinal));
    }
}
