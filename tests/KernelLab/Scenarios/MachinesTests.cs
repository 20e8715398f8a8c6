using System.Globalization;
using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>
/// Machines inside the machine, QEMU in QEMU: the kernel under them is replaced, and they go on where they were.
/// </summary>
public sealed class MachinesTests(Lab lab)
{
    // of the plan's journal, up to the kexec: planned, three prepared, saving, three saved, three frozen, entering
    private const int Writes = 12;
    private const int Kexecs = 3;
    private static readonly TimeSpan s_longLimit = TimeSpan.FromMinutes(60);

    [Fact(Explicit = true)]
    public void Two_machines_go_on_under_the_next_kernel_after_the_instruction_they_stopped_at()
    {
        Transcript run = lab.Run(On("guestmemfs", "machines-kept", ram: 64)).MustSucceed();

        Assert.Equal(2, run.Stages.Count);
        Assert.InRange(run.Number("pattern right after pages"), 1, long.MaxValue);
        Assert.InRange(InnerCount.CheckWhole(run), 50, int.MaxValue);
    }

    [Theory]
    [InlineData("guestmemfs")]
    [InlineData("dax", Explicit = true)] // two minutes
    public void Two_machines_and_KvStore_go_on_after_a_live_update_and_what_goes_wrong_with_one_leaves_the_others_whole(
        string medium)
    {
        Transcript run = lab.Run(On(medium, "live-updated", ram: 64)).MustSucceed();

        Assert.Equal(3, run.Stages.Count);
        Assert.Equal(3, run.Stages.Select(stage => stage.BootId).Distinct().Count());
        Assert.Equal(["100000", "100000"], run.All("right"));
        Assert.Equal(2, run.All("pattern right at page").Count);
        Assert.InRange(InnerCount.CheckWhole(run), 150, int.MaxValue);
    }

    [Theory(Explicit = true)]
    [InlineData("guestmemfs")]
    [InlineData("dax")]
    public void All_go_on_wherever_who_carries_the_update_out_is_killed(string medium)
    {
        Boot boot = On(medium, "live-updates-killed", ram: 64);
        Transcript run = lab.Run(boot with
        {
            // thirteen boots, and one in some dozens trips over what Transcript.EmulatorTripped says
            CommandLine = boot.CommandLine + " maxcpus=1",
            Arguments = new Dictionary<string, string>(boot.Arguments) { ["keys"] = "1000",
                ["kills"] = Writes.ToString(CultureInfo.InvariantCulture) },
            Limit = s_longLimit,
        }).MustSucceed();

        Assert.Equal(Enumerable.Range(1, Writes).Select(write => write.ToString(CultureInfo.InvariantCulture)),
            run.All("run killed"));
        Assert.Equal(run.All("run killed"), run.All("went on"));
        Assert.InRange(run.All("resume killed").Count(killed => killed.EndsWith("True", StringComparison.Ordinal)), 7,
            Writes);
        InnerCount.CheckWhole(run);
    }

    [Fact(Explicit = true)]
    public void A_machine_with_1_GiB_stands_still_no_longer_than_one_with_128_MiB()
    {
        (double small, double smallOfUs) = Pause(128);
        (double large, double largeOfUs) = Pause(1024);

        TestContext.Current.SendDiagnosticMessage(string.Create(CultureInfo.InvariantCulture,
            $"128 MiB: {small:0.0} s, without the kernel's boot {smallOfUs:0.0} s; 1 GiB: {large:0.0} s " +
            $"and {largeOfUs:0.0} s"));
        Assert.InRange(large / small, 0, 1.3);
        Assert.InRange(largeOfUs / smallOfUs, 0, 1.3);

        // The least of some, in seconds: from outside, and without what lies between the old kernel's end and the
        // restoring program.
        (double All, double OfUs) Pause(int ram)
        {
            Boot boot = On("guestmemfs", "machine-paused", ram);
            Transcript run = lab.Run(boot with
            {
                Memory = "4G",
                CommandLine = "memmap=1536M$0x120000000", // behind the hole below 4 GiB, where half of the memory is
                Arguments = new Dictionary<string, string>(
                    boot.Arguments) { ["kexecs"] = Kexecs.ToString(CultureInfo.InvariantCulture) },
                Limit = s_longLimit,
            }).MustSucceed();
            InnerCount.CheckWhole(run);
            IReadOnlyList<TimeSpan> pauses = InnerCount.Pauses(run, Kexecs);
            IReadOnlyList<TimeSpan> entering = run.TimesOf("entering"), restoring = run.TimesOf("restoring");
            return (pauses.Min(pause => pause.TotalSeconds),
                Enumerable.Range(0, Kexecs).Min(i => (pauses[i] - (restoring[i] - entering[i])).TotalSeconds));
        }
    }

    [Fact]
    public void Two_machines_and_KvStore_on_memfds_go_on_where_the_kernel_kept_their_memory()
    {
        Boot boot = On("memfd", "machines-luo", ram: 64);
        Transcript run = lab.Run(boot with
        {
            Kernel = Kernel.Own,
            CommandLine = LuoTests.CommandLine,
            Arguments = new Dictionary<string, string>(boot.Arguments) { ["keys"] = "10000", ["size"] = "64M" },
        }).MustSucceed();

        Assert.Equal(2, run.Stages.Count);
        Assert.Equal(["fresh", "recovered"], run.All("attach"));
        Assert.Equal("10000", run.Get("right"));
        Assert.All(run.All("medium"), medium => Assert.Equal("memfd", medium));
        Assert.InRange(run.Number("pattern right at page"), 1, long.MaxValue);
        Assert.InRange(InnerCount.CheckWhole(run), 50, int.MaxValue);
    }

    [Fact]
    public void A_machine_on_a_part_of_a_device_goes_on_and_another_on_the_same_device_is_refused()
    {
        Transcript run = lab.Run(On("dax", "machine-on-device",
            ram: 64) with { CommandLine = "memmap=256M!1G memmap=256M!0x50000000" }).MustSucceed();

        Assert.Equal(2, run.Stages.Count);
        Assert.Contains("somebody has the lock of /dev/dax1.0", run.Get("second refused"), StringComparison.Ordinal);
        Assert.InRange(InnerCount.CheckWhole(run), 50, int.MaxValue);
    }

    private static Boot On(string medium, string scenario, int ram)
    {
        Assert.SkipUnless(LabCache.NewerQemu is not null,
            $"no QEMU 10 in {LabCache.Folder}: {LabCache.Command} (Debian 12)");
        return new Boot
        {
            Scenario = scenario,
            Memory = "2560M",
            CommandLine = Boot.MemoryOf(medium).Replace("512M", "768M", StringComparison.Ordinal),
            Arguments = new Dictionary<string, string> { ["medium"] = medium,
                ["ram"] = ram.ToString(CultureInfo.InvariantCulture), ["keys"] = "100000" },
            Counts = true,
            Limit = TimeSpan.FromMinutes(14),
        };
    }
}
