using System.Globalization;
using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>
/// One kexec, or one panic, and what is there under the next kernel. KvStore is filled through real sockets.
/// </summary>
public sealed class KexecTests(Lab lab)
{
    private const int Keys = 100_000;

    [Theory]
    [InlineData("dax")]
    [InlineData("guestmemfs")]
    public void A_clean_stop_and_a_kexec_keep_every_key(string medium)
    {
        Transcript run = lab.Run(On(medium, "kvstore-stopped")).MustSucceed();

        Assert.Equal("warm", run.Get("attach"));
        Assert.Equal(medium, run.Get("medium"));
        Assert.Equal(2 << 20, run.Number("page size")); // On guestmemfs: that it was found to be our module.
        Assert.Equal(Keys, run.Number("right"));
        SurvivedAKernel(run);
    }

    [Theory]
    [InlineData("dax")]
    [InlineData("guestmemfs")]
    public void A_kexec_in_mid_write_keeps_every_acknowledged_write(string medium)
    {
        Transcript run = lab.Run(On(medium, "kvstore-killed")).MustSucceed();

        KeptWhatWasAcknowledged(run);
    }

    [Theory]
    [InlineData("dax")]
    [InlineData("guestmemfs")]
    public void A_panic_into_a_crash_kernel_keeps_every_acknowledged_write(string medium)
    {
        Boot boot = On(medium, "kvstore-killed", ("end", "panic"));
        Transcript run = lab.Run(boot with { CommandLine = $"{boot.CommandLine} crashkernel=448M" }).MustSucceed();

        Assert.Contains("Kernel panic - not syncing: sysrq triggered crash", run.Console, StringComparison.Ordinal);
        KeptWhatWasAcknowledged(run);
    }

    [Theory]
    [InlineData("dax")]
    [InlineData("guestmemfs")]
    public void A_frozen_arena_is_written_to_until_the_kexec_and_thawed_after_it(string medium)
    {
        Transcript run = lab.Run(On(medium, "arena-frozen")).MustSucceed();

        Assert.Equal("Recovered", run.Get("attach"));
        Assert.Contains(run.All("reason"), reason => reason.StartsWith("GMF5011", StringComparison.Ordinal));
        Assert.InRange(run.Number("acknowledged"), 10_000, run.Number("right"));
        SurvivedAKernel(run);
    }

    [Theory]
    [InlineData("tmpfs")]
    [InlineData("hugetlbfs")]
    public void Ordinary_memory_is_empty_after_a_kexec_and_the_report_says_so(string medium)
    {
        Transcript run = lab.Run(On(medium, "kvstore-gone")).MustSucceed();

        Assert.Equal(2, run.Stages.Count);
        Assert.Equal("fresh", run.Get("attach"));
        Assert.Equal(0, run.Number("keys"));
        Assert.Contains(run.All("reason"), reason => reason.StartsWith("GMF5017", StringComparison.Ordinal)
            && reason.Contains($"{medium} does not keep its content over a kexec", StringComparison.Ordinal));
    }

    private static Boot On(string medium, string scenario, params (string Name, string Value)[] more)
    {
        var arguments = new Dictionary<string, string> { ["medium"] = medium,
            ["keys"] = Keys.ToString(CultureInfo.InvariantCulture) };
        foreach ((string name, string value) in more)
        {
            arguments.Add(name, value);
        }

        return new Boot { Scenario = scenario, Arguments = arguments, CommandLine = Boot.MemoryOf(medium) };
    }

    /// <summary>The writer was in the middle of it, and every key is as it was acknowledged or newer.</summary>
    private static void KeptWhatWasAcknowledged(Transcript run)
    {
        Assert.Equal("recovered", run.Get("attach"));
        Assert.Equal(Keys, run.Number("right"));
        Assert.InRange(run.Number("acknowledged"), Keys / 4, long.MaxValue);
        SurvivedAKernel(run);
    }

    /// <summary>There were two kernels, and the report names both.</summary>
    private static void SurvivedAKernel(Transcript run)
    {
        Assert.Equal(2, run.Stages.Count);
        (string first, string second) = (run.Stages[0].BootId, run.Stages[1].BootId);
        Assert.NotEqual(first, second);
        string reason = Assert.Single(run.All("reason"), text => text.StartsWith("GMF5016", StringComparison.Ordinal));
        Assert.Contains(first, reason, StringComparison.Ordinal);
        Assert.Contains(second, reason, StringComparison.Ordinal);
    }
}
