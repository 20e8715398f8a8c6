using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>Our filesystem for kernels by itself: its own tests, run in real kernels, and real ends of kernels. That it is built without a warning for each, the lab sees to.</summary>
public sealed class ModuleTests(Lab lab)
{
    // An Intel processor's: an uncorrected error that software may recover from, found by the memory controller's scrubbing, with its address; told to all processors.
    private static string MachineCheck(string address) => $"mce -b 0 1 0xbd000000000000c0 0x5 {address} 0x8c";

    [Theory]
    [InlineData("6.12")]
    [InlineData("7.2")]
    public void Names_sizes_mappings_and_refusals_are_as_they_must_be(string kernel)
    {
        using var monitor = new QemuMonitor();
        Transcript run = lab.Run(On("module-checks") with
        {
            Kernel = new Kernel(kernel),
            // The GiB from 5 GiB on is reserved as a whole, and a block for the metadata before it: one page of 1 GiB. It lies in the second node.
            Memory = "5G",
            CommandLine = "memmap=1544M$0x13fe00000 memmap=128M$0x40000000",
            Devices =
            [
                "-object", "memory-backend-ram,id=low,size=2G", "-object", "memory-backend-ram,id=high,size=3G", "-numa", "node,memdev=low,cpus=0", "-numa", "node,memdev=high,cpus=1",
                "-cpu", "max,vendor=GenuineIntel", .. monitor.Arguments,
            ],
            Answer = question => question.Split(' ') is ["machine-check", string address] ? Inject(monitor, address) : null,
        }).MustSucceed();

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
        Transcript run = lab.Run(On("module-kept")).MustSucceed();

        Assert.Equal([lab.Parts.Release("6.12"), lab.Parts.Release("7.2"), lab.Parts.Release("6.12")], run.Stages.Select(stage => stage.Release));
    }

    [Theory]
    [InlineData("kexec")]
    [InlineData("panic")]
    public void Changes_under_way_when_the_kernel_ends_are_done_or_not_done(string end)
    {
        Boot boot = On("module-crash");
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
        Boot boot = On("module-dma");
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
        Boot boot = On("module-misplaced");
        Transcript run = lab.Run(boot with { Kernel = Kernel.Own, Arguments = new Dictionary<string, string>(boot.Arguments) { ["next"] = Kernel.Own.Name } }).MustSucceed();

        Assert.Equal(6, run.Stages.Count);
        Assert.Equal(4, run.All("refused").Count);
    }

    private static string Inject(QemuMonitor monitor, string address)
    {
        monitor.Do(MachineCheck(address));
        return "made";
    }

    private static Boot On(string scenario) =>
        new() { Scenario = scenario, CommandLine = Boot.ReservedMemory, Arguments = new Dictionary<string, string> { ["medium"] = "guestmemfs" } };
}
