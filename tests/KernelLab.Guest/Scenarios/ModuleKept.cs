namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// A tree of files on the module: every name, size, mode, owner, time and byte is there under the next kernels, which
/// are of another series by turns.
/// </summary>
internal sealed class ModuleKept : Scenario
{
    private static readonly string[] s_kernels = ["7.2", "6.12"];

    public override void Run(Stage stage)
    {
        Place.Open(stage);
        if (stage.Number > 0)
        {
            Checks.Run(stage, "/tests/persist", "verify", Place.MountPoint);
        }

        if (stage.Number == s_kernels.Length)
        {
            return;
        }

        Shell.Run("/tests/persist", stage.Number == 0 ? "write" : "again", Place.MountPoint);

        stage.LoadNext(s_kernels[stage.Number]);
        Kexec.Enter();
    }
}
