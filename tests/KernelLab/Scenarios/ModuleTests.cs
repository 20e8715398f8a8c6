using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>
/// Our filesystem for kernels by itself: its own tests, run in real kernels, and real ends of kernels. That it is built
/// without a warning for each, the lab sees to.
/// </summary>
public sealed class ModuleTests(Lab lab)
{
    [Theory]
    [InlineData("6.12")]
    [InlineData("7.2")]
    public void Names_sizes_mappings_and_refusals_are_as_they_must_be(string kernel)
    {
        using var monitor = new QemuMonitor();
        Transcript run = lab.Run(ModuleMachine.WithTwoNodes("module-checks", new Kernel(kernel), monitor))
            .MustSucceed();

        Assert.Equal(lab.Parts.Release(kernel), Assert.Single(run.Stages).Release);
        Assert.Equal(8, run.Number("checks numa.sh"));
        Assert.InRange(run.Number("checks refuse.sh"), 20, long.MaxValue);
        Assert.InRange(run.Number("checks names"), 20, long.MaxValue);
        Assert.InRange(run.Number("checks maps"), 20, long.MaxValue);
        foreach (string program in (string[])["hidden", "stress", "memerr"])
        {
            Assert.InRange(run.Number($"checks {program}"), 1, long.MaxValue);
        }
    }

    [Fact]
    public void Names_lengths_modes_owners_times_and_bytes_are_kept_from_6_12_to_7_2_and_back()
    {
        Transcript run = lab.Run(ModuleMachine.With("module-kept")).MustSucceed();

        Assert.Equal([lab.Parts.Release("6.12"), lab.Parts.Release("7.2"), lab.Parts.Release("6.12")],
            run.Stages.Select(stage => stage.Release));
    }

    [Theory]
    [InlineData("kexec")]
    [InlineData("panic")]
    public void Changes_under_way_when_the_kernel_ends_are_done_or_not_done(string end)
    {
        Boot boot = ModuleMachine.With("module-crash");
        Transcript run = lab.Run(boot with
        {
            CommandLine = end == "panic" ? $"{boot.CommandLine} crashkernel=448M" : boot.CommandLine,
            Arguments = new Dictionary<string, string>(boot.Arguments) { ["end"] = end },
        }).MustSucceed();

        Assert.Equal(end == "panic", run.Console.Contains("sysrq triggered crash", StringComparison.Ordinal));
        Assert.Equal(2, run.Stages.Count);
        Assert.InRange(run.Number("checks crash"), 1, long.MaxValue);
    }

    [Theory]
    [InlineData("6.12")]
    [InlineData("7.2")]
    public void An_assigned_device_writes_into_a_file_before_and_after_a_kexec(string kernel)
    {
        Boot boot = ModuleMachine.With("module-dma");
        Transcript run = lab.Run(boot with
        {
            Kernel = new Kernel(kernel),
            CommandLine = $"{boot.CommandLine} intel_iommu=on",
            Arguments = new Dictionary<string, string>(boot.Arguments) { ["next"] = kernel },
            Devices = ["-device", "intel-iommu,intremap=on", "-device", "edu"],
        }).MustSucceed();

        Assert.Equal(2, run.Stages.Count);
        Assert.Equal(["7", "7"], run.All("checks dma"));
    }

    [Fact]
    public void A_kernel_that_is_told_wrong_where_the_memory_is_is_refused_with_the_reason_and_changes_nothing()
    {
        Boot boot = ModuleMachine.With("module-misplaced");
        Transcript run = lab.Run(boot with { Kernel = Kernel.Own,
            Arguments = new Dictionary<string, string>(boot.Arguments) { ["next"] = Kernel.Own.Name } }).MustSucceed();

        Assert.Equal(6, run.Stages.Count);
        Assert.Equal(4, run.All("refused").Count);
    }
}
