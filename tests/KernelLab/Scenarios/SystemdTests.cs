using GuestMemFs.KernelLab.Image;
using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>Our units under a real systemd, which boots the machine.</summary>
public sealed class SystemdTests(Lab lab)
{
    private const int FirstOverKexec = 261;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(20);

    [Fact]
    public void KvStore_has_every_key_whatever_systemd_does_to_it_and_to_its_holder()
    {
        const int keys = 20_000;
        int release = SystemdImage.Release;
        Transcript run = lab.Run(new Boot
        {
            Scenario = "systemd-restarts",
            Systemd = true,
            CommandLine = "transparent_hugepage_shmem=always",
            Arguments = new Dictionary<string, string> { ["keys"] = $"{keys}" },
            Limit = s_limit,
        }).MustSucceed();

        Assert.StartsWith($"systemd {release} ", run.Get("systemd"), StringComparison.Ordinal);
        Assert.NotEqual(0, run.Number("held"));
        Assert.Equal(
            [
                "kvstore-systemd started: fresh", "kvstore-systemd killed: recovered",
                "kvstore-systemd restarted: warm", "kvstore-systemd stopped and started: warm",
                "kvstore-held started: fresh", "kvstore-held killed: recovered", "kvstore-held restarted: warm",
                "kvstore-held killed after its holder was restarted: recovered",
                "kvstore-held restarted after its holder was killed: warm",
            ],
            run.All("attach"));
        Assert.Equal(Enumerable.Repeat($"{keys}", 7), run.All("right"));
    }

    [Fact(Explicit = true)]
    public void A_kexec_that_systemd_makes_keeps_what_systemd_and_our_holder_have()
    {
        const int keys = 100_000, kexecs = 2;
        Assert.SkipWhen(SystemdImage.Release < FirstOverKexec,
            $"systemd {SystemdImage.Release} does not keep descriptors over a kexec: {FirstOverKexec} is the first");
        Transcript run = lab.Run(new Boot
        {
            Scenario = "systemd-kexec",
            Systemd = true,
            Kernel = Kernel.Own,
            CommandLine = LuoTests.CommandLine,
            Arguments = new Dictionary<string, string> { ["keys"] = $"{keys}", ["kexecs"] = $"{kexecs}",
                ["next"] = Kernel.Own.Name },
            Limit = s_limit,
        }).MustSucceed();

        Assert.Equal(kexecs + 1, run.Stages.Count);
        Assert.Equal(kexecs + 1, run.Stages.Select(stage => stage.BootId).Distinct().Count());
        Assert.Equal("0 0", run.All("held")[0]);
        Assert.All(run.All("held").Skip(1), held => Assert.DoesNotContain("0", held.Split(' ')));
        Assert.Equal(
            ["kvstore-held started: fresh", "kvstore-systemd started: fresh",
                .. Enumerable.Repeat((string[])["kvstore-held over a kexec: warm",
                    "kvstore-systemd over a kexec: warm"], kexecs).SelectMany(two => two)],
            run.All("attach"));
        Assert.Equal(Enumerable.Repeat($"{keys}", 2 * kexecs), run.All("right"));
    }

    [Fact(Explicit = true)]
    public void A_plan_is_resumed_by_the_unit_that_starts_at_boot()
    {
        const int keys = 100_000;
        _ = SystemdImage.Release;
        Transcript run = lab.Run(new Boot
        {
            Scenario = "systemd-plan",
            Systemd = true,
            CommandLine = Boot.ReservedMemory,
            Arguments = new Dictionary<string, string> { ["medium"] = "guestmemfs", ["keys"] = $"{keys}" },
            Limit = s_limit,
        }).MustSucceed();

        Assert.Equal(2, run.Stages.Count);
        Assert.Contains("No plan is under way", run.Get("none"), StringComparison.Ordinal);
        Assert.Contains("kvstore", run.Get("resumed"), StringComparison.Ordinal);
        Assert.Equal(["kvstore started: fresh", "kvstore over a planned kexec: warm"], run.All("attach"));
        Assert.Equal(keys, run.Number("right"));
    }
}
