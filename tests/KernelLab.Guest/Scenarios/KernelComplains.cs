namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// The kernel finds something wrong in itself. Where it has the crash dummy of its own tests (LKDTM, <c>lab.provoke=</c>) that is real; else the line is written as if it were one
/// (<c>lab.say=</c>, its spaces as underscores).
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
            File.WriteAllText("/dev/kmsg", $"<3>{stage.Arguments.Get("say").Replace('_', ' ')}");
        }
    }
}
