namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// One boot of many: looks at what the crash before it left, and crashes at the next point of a round of changes, which
/// resets the machine. The last one gets to the end of the round.
/// </summary>
internal sealed class ModulePoints : Scenario
{
    public override void Run(Stage stage) => Checks.Run(stage, Checks.Script, "/tests/points.sh",
        Variants.Module(stage.Arguments.Get("variant")), "0x40000000");
}
