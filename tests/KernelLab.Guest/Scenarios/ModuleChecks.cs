namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>The module's own tests that need one kernel: what it refuses, names, sizes, mappings, what is hidden, many at once, and a memory error.</summary>
internal sealed class ModuleChecks : Scenario
{
    public override void Run(Stage stage)
    {
        string module = $"{stage.Modules}/guestmemfs.ko";
        Checks.Run(stage, "sh", "/tests/refuse.sh", module, Place.ReservedBase());
        Place.Open(stage);
        foreach ((string program, string[] more) in ((string, string[])[])[("names", []), ("maps", []), ("hidden", []), ("stress", ["10"]), ("memerr", ["sysfs"])])
        {
            Directory.CreateDirectory($"{Place.MountPoint}/{program}");
            Checks.Run(stage, $"/tests/{program}", [$"{Place.MountPoint}/{program}", Place.Range, .. more]);
        }
    }
}
