namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// The module's own tests that need one kernel: what it refuses, NUMA nodes, names, sizes, mappings, what is hidden,
/// many at once, and memory errors.
/// </summary>
internal sealed class ModuleChecks : Scenario
{
    // The machine has this much set aside in its first NUMA node too: half for the refusals, which begin with memory
    // that is new.
    private const string Low = "0x40000000", LowHalf = "0x44000000", High = "0x178000000";

    public override void Run(Stage stage)
    {
        string module = $"{stage.Modules}/guestmemfs.ko";
        Checks.Run(stage, Checks.Script, "/tests/numa.sh", module, LowHalf, High);
        Checks.Run(stage, Checks.Script, "/tests/refuse.sh", module, Low);
        stage.LoadModules("mce-inject");
        Place.Open(stage);
        foreach ((string program, string[] more) in ((string, string[])[])[("names", []), ("maps", []), ("hidden", []),
            ("stress", ["10"]), ("memerr", ["sysfs"]), ("memerr", ["mce"]), ("memerr", ["host"])])
        {
            Directory.CreateDirectory($"{Place.MountPoint}/{program}");
            Checks.Run(stage, $"/tests/{program}", [$"{Place.MountPoint}/{program}", Place.Range, .. more]);
        }
    }
}
