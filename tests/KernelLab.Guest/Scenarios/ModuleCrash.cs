using System.Diagnostics;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// Names and sizes change without a pause when the kernel ends, by a kexec or (<c>lab.end=panic</c>) a panic: nothing
/// that was acknowledged is missing, nothing is half done, no block is lost.
/// </summary>
internal sealed class ModuleCrash : Scenario
{
    private static readonly TimeSpan s_changes = TimeSpan.FromSeconds(3);

    public override void Run(Stage stage)
    {
        Place.Open(stage);
        if (stage.Number > 0)
        {
            Checks.Run(stage, "/tests/crash", "verify", Place.MountPoint, Place.Range);
            return;
        }

        bool panic = stage.Arguments.Find("end") == "panic";
        stage.LoadNext(change: panic ? Stage.AsCrashKernel : null, onPanic: panic);
        using var changes = Process.Start("/tests/crash", ["run", Place.MountPoint]);
        Thread.Sleep(s_changes);
        Stage.Check(!changes.HasExited, $"crash run ended");
        if (panic)
        {
            Stage.Panic();
        }

        Kexec.Enter();
    }
}
