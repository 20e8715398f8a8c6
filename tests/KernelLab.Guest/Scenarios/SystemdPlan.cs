using System.Diagnostics.CodeAnalysis;
using GuestMemFs.KernelLab.Guest.Inner;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// A plan under a systemd that boots the machine, by our units: KvStore's service on the plan's arena, <c>systemctl
/// kexec</c>, and under the next kernel the unit that resumes at boot. What systemd is to start with the next kernel,
/// its command line says (<c>systemd.wants=</c>).
/// </summary>
internal sealed class SystemdPlan : Scenario
{
    private const string MountPoint = "/mnt/guestmemfs", Arena = MountPoint +
        "/vms", Socket = "/run/kvstore/kvstore.live-update";

    public override void Run(Stage stage)
    {
        var store = new StoreService(stage, "kvstore");
        var resume = new Service("gmfs-live-update");
        if (stage.Number > 0)
        {
            resume.WaitUntilDone();
            stage.Host.Tell("resumed", Gmfs.Run(0, "live-update", "status", "--arena", Arena));
            store.Verify("over a planned kexec", "warm");
            return;
        }

        _ = Place.Open(stage); // Formats it.
        Shell.Run("umount", Place.MountPoint);
        store.DropIn($"[Service]\nExecStart=\nExecStart=/usr/bin/KvStore --arena {Arena} --size 128M " +
            $"--live-update-socket {Socket}\n");
        store.Do("start");
        store.VerifyFresh();
        store.Load();
        resume.Do("start"); // There is nothing to resume, and that is no error.
        stage.Host.Tell("none", Gmfs.Run(0, "live-update", "resume", "--arena", Arena));
        Leave(stage);
    }

    [DoesNotReturn]
    private static void Leave(Stage stage)
    {
        string plan = UpdatePlan.Write(stage, [], plan =>
        {
            plan["arena"] = Arena;
            plan["kernel"]!["entry"] = "systemctl";
            plan["kernel"]!["append"] = "systemd.wants=kvstore.service systemd.wants=gmfs-live-update.service " +
                "systemd.setenv=KVSTORE_SIZE=128M";
            plan["services"]![0]!["socket"] = Socket;
        });
        stage.Host.Tell("run", Gmfs.Run(0, "live-update", "run", plan));
        Thread.Sleep(Timeout.Infinite); // systemd ends us.
        throw new ScenarioException("the wait for systemd has ended");
    }
}
