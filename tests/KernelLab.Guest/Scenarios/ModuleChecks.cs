namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>The module's own tests that need one kernel: names, sizes, mappings, and what it refuses.</summary>
internal sealed class ModuleChecks : Scenario
{
    public override void Run(Stage stage)
    {
        string module = $"{stage.Modules}/guestmemfs.ko";
        Checks.Run(stage, "sh", "/tests/refuse.sh", module, Place.ReservedBase());
        Place.Open(stage);
        foreach (string program in (string[])["names", "maps"])
        {
            Directory.CreateDirectory($"{Place.MountPoint}/{program}");
            Checks.Run(stage, $"/tests/{program}", $"{Place.MountPoint}/{program}", Place.Range);
        }
    }
}
