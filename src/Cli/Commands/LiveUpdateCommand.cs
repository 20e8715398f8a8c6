using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Cli.Terminal;
using GuestMemFs.Holding;
using GuestMemFs.LiveUpdate;
using GuestMemFs.VirtualMachines;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs live-update</c>: the kernel is replaced under the machines and databases of a plan.</summary>
internal static class LiveUpdateCommand
{
    public static Command Create(Globals globals)
    {
        Argument<string> file = PlanFile();
        Option<bool> dry = new("--dry-run") { Description = "Say what would fail, and do nothing." };
        return new Command("live-update",
            "Replace the kernel under virtual machines and databases whose memory is an " +
            "arena: a plan, kept in the arena, that can be taken up or taken back after a crash at any step.")
        {
            globals.Runs(new Command("plan", "Check a plan, make the regions it needs, and note it in its arena. " +
                "Nobody stands still.") { file, dry }, call => Plan(call, call.Value(file)!, call.Value(dry))),
            Run(globals),
            Resume(globals),
            globals.Runs(new Command("abort", "Take the plan back that is under way: everybody goes on under " +
                "this kernel."), call => With(call,
                    updater => LiveUpdateReport.Of(updater.AbortAsync(call.Cancellation).GetAwaiter().GetResult()))),
            globals.Runs(new Command("status", "How far the plan is that is under way, or how the last one ended."),
                call => With(call, updater => Status(updater, call.Arena))),
            Start(globals),
        };
    }

    private static Argument<string> PlanFile() =>
        new("plan") { Description = "The plan: a file of JSON (docs/live-update-plan.md).", HelpName = "PLAN" };

    private static Command Run(Globals globals)
    {
        Argument<string?> file = new(
            "plan") { Description = "The plan; without one, that which gmfs live-update plan " +
            "noted in the arena.", HelpName = "PLAN?", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> dry = new("--dry-run") { Description = "Say what would fail, and do nothing." };
        return globals.Runs(
            new Command("run", "Carry a plan out: save, freeze, and enter the next kernel. What fails before that is " +
                "taken back.") { file, dry },
            call => (call.Value(file), call.Value(dry)) switch
            {
                (null, true) => throw new GmfsException(ExitCode.Usage,
                    "Which plan? gmfs live-update run PLAN --dry-run."),
                (null, false) =>
                    With(call, updater => Entering(updater.RunPlannedAsync(call.Cancellation), call.Arena.Text)),
                ({ } named, true) => Plan(call, named, dry: true),
                ({ } named, false) => With(call, LiveUpdatePlan.Read(named, call.Trust),
                    (updater, plan) => Entering(updater.RunAsync(plan, call.Cancellation), plan.Arena)),
            });
    }

    private static DoneReport Entering(Task run, string arena)
    {
        run.GetAwaiter().GetResult();
        return new DoneReport("run", arena, "The next kernel is being entered.");
    }

    private static Command Resume(Globals globals)
    {
        Option<string[]> only = new("--only") { Description = "Only these of the plan's participants.",
            HelpName = "NAME" };
        return globals.Runs(
            new Command("resume", "Go on with the plan that is under way. Under the next kernel: compare what was " +
                "kept, and let everybody go on who is whole.") { only },
            call => With(call, updater => updater.ReadStatus() is { IsOver: false }
                ? LiveUpdateReport.Of(updater.ResumeAsync(call.Value(only) is { Length: > 0 } names ? names : null,
                    call.Cancellation).GetAwaiter().GetResult())
                : new DoneReport("resume", call.Arena.Text, $"No plan is under way in {call.Arena.Text}.")));
    }

    private static Command Start(Globals globals)
    {
        Argument<string> file = PlanFile();
        Argument<string> name = new("machine") { Description = "The machine's name in the plan.",
            HelpName = "MACHINE" };
        Option<bool> wait = new("--wait") { Description = "Stay until the machine has ended." };
        return globals.Runs(
            new Command("start", "Start a machine of a plan: from where it was saved, if it was, else from its " +
                "beginning. One that runs is left alone.") { file, name, wait },
            call => With(call, LiveUpdatePlan.Read(call.Value(file)!, call.Trust), (updater, plan) =>
                StartAsync(updater, plan, call, call.Value(name)!, call.Value(wait)).GetAwaiter().GetResult()));
    }

    private static async Task<Report> StartAsync(
        LiveUpdater updater, LiveUpdatePlan plan, Invocation call, string name, bool wait)
    {
        await using VirtualMachine machine = await updater.StartMachineAsync(plan, name,
            call.Cancellation).ConfigureAwait(false);
        if (wait)
        {
            // QEMU talks to one at a time, and somebody else may want to.
            await machine.Monitor.DisposeAsync().ConfigureAwait(false);
            await machine.WaitForExitAsync(call.Cancellation).ConfigureAwait(false);
        }

        return new DoneReport("start", name,
            $"Machine {name} {(wait ? "has ended" : $"runs, as process {machine.ProcessId}")}.");
    }

    private static Report Plan(Invocation call, string file, bool dry) =>
        With(call, LiveUpdatePlan.Read(file, call.Trust), (updater, plan) =>
        new LiveUpdateCheckReport(plan.Arena, dry,
            (dry ? updater.CheckAsync(plan, call.Cancellation)
                : NoteAsync(updater, plan, call.Cancellation)).GetAwaiter().GetResult()));

    private static async Task<IReadOnlyList<LiveUpdateFinding>> NoteAsync(
        LiveUpdater updater, LiveUpdatePlan plan, CancellationToken cancellationToken)
    {
        try
        {
            return await updater.PlanAsync(plan, cancellationToken).ConfigureAwait(false);
        }
        catch (LiveUpdateRefusedException e)
        {
            return e.Findings;
        }
    }

    private static Report Status(LiveUpdater updater, ArenaReference place) => updater.ReadStatus() is { } record
        ? LiveUpdateReport.Of(record)
        : new DoneReport("status", place.Text, $"There was never a plan in {place.Text}.");

    private static Report With(Invocation call, LiveUpdatePlan plan, Func<LiveUpdater, LiveUpdatePlan, Report> action)
    {
        using LiveUpdater updater = LiveUpdater.For(plan, Progress(call), call.Trust);
        return action(updater, plan);
    }

    private static Report With(Invocation call, Func<LiveUpdater, Report> action)
    {
        using LiveUpdater updater = call.Arena.OpenUpdater(Progress(call));
        return action(updater);
    }

    private static Steps? Progress(Invocation call) => call.Json ? null : new Steps(call.Shell);

    /// <summary>
    /// Each step as it is taken, at once: who watches knows where it hangs, and what was last when the kernel went.
    /// </summary>
    internal sealed class Steps(Shell shell) : IProgress<LiveUpdateProgress>, IProgress<KeptProgress>
    {
        public void Report(LiveUpdateProgress value) => Write(value.Subject, value.Text, value.Took);

        public void Report(KeptProgress value) => Write(value.Store, value.Text, value.Took);

        private void Write(string subject, string text, TimeSpan took)
        {
            shell.Error.WriteLine($"{subject}: {text} ({took.TotalMilliseconds:N0} ms)");
            shell.Error.Flush();
        }
    }
}
