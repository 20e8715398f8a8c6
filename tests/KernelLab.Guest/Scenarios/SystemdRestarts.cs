namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// Under a systemd that booted the machine: KvStore on memory that systemd holds, and on memory that <c>gmfs-hold</c>
/// holds, by our units. Killed, restarted, stopped and started, and with its holder restarted and killed under it, it
/// has every key.
/// </summary>
internal sealed class SystemdRestarts : Scenario
{
    public override void Run(Stage stage)
    {
        stage.Host.Tell("systemd", Shell.Run("systemctl", "--version").Split('\n')[0]);
        HeldBySystemd(stage);
        HeldByOurs(stage);
    }

    private static void HeldBySystemd(Stage stage)
    {
        var store = new StoreService(stage, "kvstore-systemd");
        store.Do("start");
        store.VerifyFresh();
        store.Load();
        store.Kill();
        store.Verify("killed", "recovered");
        store.Do("restart");
        store.Verify("restarted", "warm");
        store.Do("stop");
        stage.Host.Tell("held", $"{store.Held}");
        Stage.Check(store.MainProcess == 0, $"it was not stopped");
        store.Do("start");
        store.Verify("stopped and started", "warm");
        store.Do("stop");
    }

    private static void HeldByOurs(Stage stage)
    {
        var holder = new Service("gmfs-hold");
        var store = new StoreService(stage, "kvstore-held");
        store.Do("start");
        store.VerifyFresh();
        store.Load();
        store.Kill();
        store.Verify("killed", "recovered");
        store.Do("restart");
        store.Verify("restarted", "warm");

        int process = store.MainProcess;
        holder.Do("restart");
        Stage.Check(store.MainProcess == process,
            $"KvStore was {process} and is {store.MainProcess}: the holder's restart restarted it");
        store.Kill();
        store.Verify("killed after its holder was restarted", "recovered");

        process = store.MainProcess;
        holder.Kill();
        Stage.Check(store.MainProcess == process,
            $"KvStore was {process} and is {store.MainProcess}: the holder's end ended it");
        store.Do("restart");
        store.Verify("restarted after its holder was killed", "warm");
        store.Do("stop");
    }
}
