using GuestMemFs.KernelLab.Guest.Inner;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// A live update a kernel, <c>lab.kills</c> of them. In the n-th, who carries it out is killed after the n-th write of
/// the plan's journal (in every other one some milliseconds later, in the middle of the next step) and <c>gmfs
/// live-update resume</c>, or <c>run</c> where nobody was saved yet, goes on; under the next kernel who resumes is
/// killed after the n-th write as well. All go on each time.
/// </summary>
internal sealed class LiveUpdatesKilled : Scenario
{
    private const int LaterMilliseconds = 40;
    private const int Saving = 8; // writes up to which somebody is still to be saved
    // writes of the journal, planned and three prepared, up to which nobody stands still: there may be nothing to
    // resume then, and what was noted is run
    private const int Preparing = 4;

    public override void Run(Stage stage)
    {
        using UpdateHost host = UpdateHost.Start(stage);
        if (stage.Number > 0)
        {
            bool killed = KilledOrchestrator.Start("resume", UpdatePlan.Write(stage, host.Machines), stage.Number,
                Later(stage.Number));
            stage.Host.Tell("resume killed", $"{stage.Number} {killed}");
            Stage.Check(host.Resume().Values.All(step => step is "Resumed"),
                $"not all went on after the kill at {stage.Number}: {stage.Host.Ask("resume")}");
            host.CheckAll();
            host.CheckWritten(Between(stage.Number));
            stage.Host.Tell("went on", $"{stage.Number}");
        }

        int next = stage.Number + 1;
        if (next > stage.Arguments.Number("kills"))
        {
            return;
        }

        Stage.Check(KilledOrchestrator.Start("run", UpdatePlan.Keep(stage, UpdatePlan.Write(stage, host.Machines)),
            next, Later(next)), $"the orchestrator was not killed at {next}");
        host.Write(Between(next));
        stage.Host.Tell("run killed", $"{next}");
        string said = "";
        foreach (string command in (string[])(next <= Preparing ? ["resume", "run"] : ["resume"]))
        {
            (int code, string text) = Gmfs.Try("live-update", command, "--arena", Place.Arena);
            said += $"gmfs live-update {command} came back with {code}: {text} ";
        }

        throw new ScenarioException(said);
    }

    private static string Between(int update) =>
        FormattableString.Invariant($"written between the orchestrators of update {update}");

    // Once all are saved the rest takes no time, and at its end is the kexec: not a moment later.
    private static int Later(int write) => write % 2 == 0 || write > Saving ? 0 : LaterMilliseconds;
}
