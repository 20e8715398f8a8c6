using GuestMemFs.KernelLab.Guest.Inner;
using GuestMemFs.LiveUpdate;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// Two machines and KvStore on one arena, through <c>gmfs live-update</c>. Refusals first, under the first kernel; then
/// one command, and all go on under the second; then the orchestrator is killed, another goes on, and a byte of a
/// machine's memory changes on the way to the third.
/// </summary>
internal sealed class LiveUpdated : Scenario
{
    private const int Refused = 3;
    private const int AfterAllAreSaved = 8; // planned, three prepared, saving, three saved
    private const string Between = "written between two orchestrators";
    private const int AfterTheFirstGoesOn = 3; // resuming, verified, resumed

    public override void Run(Stage stage)
    {
        using UpdateHost host = UpdateHost.Start(stage);
        switch (stage.Number)
        {
            case 0:
                RefuseAhead(stage, host);
                FailToSaveAsync(stage, host).GetAwaiter().GetResult();
                host.RunIntoNextKernel();
                break;
            case 1:
                Stage.Check(host.Resume().Values.All(step => step is "Resumed"),
                    $"not all went on: {stage.Host.Ask("resume")}");
                host.CheckAll();
                RunKilled(stage, host);
                break;
            default:
                Damage(host);
                KilledOrchestrator.Start("resume", UpdatePlan.Write(stage, host.Machines), AfterTheFirstGoesOn,
                    later: 50);
                uint written = host.Writes.Written;
                Dictionary<string, string> steps = host.Resume();
                Stage.Check(steps["writes"] is "Refused" && steps["counts"] is "Resumed"
                    && steps["kvstore"] is "Resumed", $"after a byte changed: {stage.Host.Ask("resume")}");
                host.CheckCounts();
                host.CheckWritten(Between);
                Stage.Check(host.Writes.Written == written && !File.Exists(host.Machines[1].MonitorSocket),
                    $"the machine with the changed byte was started");
                host.Store.Verify(new KvStore.Demo.Overwriter(host.Store.Data));
                break;
        }
    }

    /// <summary>What the next kernel would take for its own is seen before anybody stands still.</summary>
    private static void RefuseAhead(Stage stage, UpdateHost host)
    {
        string plan = UpdatePlan.Write(stage, host.Machines,
            plan => plan["kernel"]!["commandLine"] = stage.Arguments.ForStage(1,
                word => word.StartsWith("memmap=", StringComparison.Ordinal) ? null : word));
        string said = Gmfs.Run(Refused, "live-update", "run", plan, "--dry-run");
        Stage.Check(said.Contains("would take that memory for its own", StringComparison.Ordinal),
            $"a missing range was refused with: {said}");
        stage.Host.Tell("refused", said);
        host.CheckCounts();
    }

    /// <summary>
    /// The second machine cannot be saved, because somebody else has the region for its state: the first one, which
    /// stands still already, goes on under this kernel.
    /// </summary>
    private static async Task FailToSaveAsync(Stage stage, UpdateHost host)
    {
        LiveUpdatePlan plan = LiveUpdatePlan.Read(UpdatePlan.Write(stage, host.Machines));
        using var updater = new LiveUpdater(Place.Arena);
        await updater.PlanAsync(plan).ConfigureAwait(false);
        using (host.Arena.BorrowRegion("live-update:writes"))
        {
            try
            {
                await updater.RunAsync(plan).ConfigureAwait(false);
            }
            catch (LiveUpdateException e) when (e.Message.Contains("'writes' was not saved", StringComparison.Ordinal)
                && e.Message.Contains("Everybody goes on under this kernel", StringComparison.Ordinal))
            {
                stage.Host.Tell("taken back", e.Message);
            }
        }

        PlanRecord record = updater.ReadStatus()!;
        Stage.Check(record.Phase == PlanPhase.Aborted && record.Of("counts").Stopped is not null,
            $"the plan is {record.Phase}, the first machine was stopped at {record.Of("counts").Stopped}");
        host.CheckAll(keys: false);
    }

    /// <summary>
    /// The orchestrator is killed when all are saved; KvStore goes on by itself, and another orchestrator goes on into
    /// the next kernel.
    /// </summary>
    private static void RunKilled(Stage stage, UpdateHost host)
    {
        Stage.Check(KilledOrchestrator.Start("run", UpdatePlan.Keep(stage, UpdatePlan.Write(stage, host.Machines)),
            AfterAllAreSaved, later: 50), $"the orchestrator was not killed");
        host.Write(Between);
        (int code, string said) = Gmfs.Try("live-update", "resume", "--arena", Place.Arena);
        throw new ScenarioException($"gmfs live-update resume came back with {code}: {said}");
    }

    private static void Damage(UpdateHost host)
    {
        using PersistentRegion memory = host.Arena.BorrowRegion("writes");
        memory.AsSpan(memory.Length / 2, 1)[0] ^= 1;
    }
}
