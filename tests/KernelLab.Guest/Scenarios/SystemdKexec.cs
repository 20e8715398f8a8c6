using System.Diagnostics.CodeAnalysis;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// Over as many kexecs as <c>lab.kexecs</c> says, each by <c>systemctl kexec</c>, which stops every service first: what
/// is in systemd's store, systemd hands to the kernel's Live Update Orchestrator and takes back under the next kernel.
/// One KvStore has its memory there, another's is with <c>gmfs-hold</c>, which has it there as long as it does not run.
/// </summary>
internal sealed class SystemdKexec : Scenario
{
    // What is preserved is filled, so 4 GiB are too many for the machine.
    private const string Size = "64M";

    public override void Run(Stage stage)
    {
        var holder = new Service("gmfs-hold");
        var store = new StoreService(stage, "kvstore-systemd");
        var other = new StoreService(stage, "kvstore-held");
        stage.Host.Tell("systemd", Shell.Run("systemctl", "--version").Split('\n')[0]);
        stage.Host.Tell("held", $"{store.Held} {holder.Held}");
        store.DropIn(ExecStart("--holder systemd"));
        other.DropIn(ExecStart("--holder /run/gmfs/hold.sock"));

        foreach (StoreService each in (StoreService[])[other, store])
        {
            each.Do("start");
            if (stage.Number == 0)
            {
                each.VerifyFresh();
                each.Load();
            }
            else
            {
                each.Verify("over a kexec", "warm");
            }

            if (each == other)
            {
                each.Do("stop"); // They are at the same port.
            }
        }

        if (stage.Number < stage.Arguments.Number("kexecs"))
        {
            Leave(stage);
        }
    }

    private static string ExecStart(string holder) =>
        $"[Service]\nExecStart=\nExecStart=/usr/bin/KvStore {holder} --name kvstore --size {Size}\n";

    /// <summary>KvStore is left running: systemd stops it.</summary>
    [DoesNotReturn]
    private static void Leave(Stage stage)
    {
        stage.LoadNext();
        Shell.Run("systemctl", "kexec");
        Thread.Sleep(Timeout.Infinite); // It ends us too.
        throw new ScenarioException("the wait for systemd has ended");
    }
}
