namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// The kernel finds something wrong in itself. Where it has the crash dummy of its own tests (LKDTM,
/// <c>lab.provoke=</c>) that is real; else lines are written as if they were its own (<c>lab.say=</c>, between commas,
/// spaces as underscores).
/// </summary>
internal sealed class KernelComplains : Scenario
{
    public override void Run(Stage stage)
    {
        if (stage.Arguments.Find("provoke") is { } crash)
        {
            File.WriteAllText("/sys/kernel/debug/provoke-crash/DIRECT", crash);
        }
        else
        {
            foreach (string line in stage.Arguments.Get("say").Replace('_', ' ').Split(','))
            {
                File.WriteAllText("/dev/kmsg", $"<3>{line}");
            }
        }
    }
}
