using GuestMemFs.KernelLab.Image;
using GuestMemFs.KernelLab.Machines;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>Our units under a real systemd, which boots the machine.</summary>
public sealed class SystemdTests(Lab lab)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(20);

    [Fact(Explicit = true)]
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
                "kvstore-systemd started: fresh", "kvstore-systemd killed: recovered", "kvstore-systemd restarted: warm", "kvstore-systemd stopped and started: warm",
                "kvstore-held started: fresh", "kvstore-held killed: recovered", "kvstore-held restarted: warm", "kvstore-held killed after its holder was restarted: recovered",
                "kvstore-held restarted after its holder was killed: warm",
            ],
            run.All("attach"));
        Assert.Equal(Enumerable.Repeat($"{keys}", 7), run.All("right"));
    }
}
