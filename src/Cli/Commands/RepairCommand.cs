using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Checking;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs repair</c>.</summary>
internal static class RepairCommand
{
    public static Command Create(Globals globals)
    {
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask." };
        var deep = new Option<bool>(
            "--deep") { Description = "Walk every block of every heap too, and take damaged heaps out of the way." };
        var startOver = new Option<bool>("--start-over") { Description = "Give the arena up: move all files into a " +
            "quarantine directory, so that a new one can be made." };
        var command = new Command("repair", "Say what is wrong, what can be done and what is lost by it; ask; do it. " +
            "Moves and renames, deletes nothing that could be missed. Refused beside a writer.")
        {
            yes, deep, startOver,
        };
        return globals.Runs(command, call => Run(call, call.Value(yes), call.Value(deep), call.Value(startOver)));
    }

    private static RepairReport Run(Invocation call, bool yes, bool deep, bool startOver)
    {
        ArenaReference place = call.Arena;
        IReadOnlyList<RepairStep> steps;
        string? quarantine;
        using (ArenaInspection inspection = place.Inspect())
        {
            inspection.ExcludeWriters();
            steps = RepairSteps.Find(inspection, deep, startOver);
            var report = new RepairReport(place.Text, steps, Done: false, null, [], []);
            if (!report.Waits)
            {
                return report;
            }

            if (!yes && (call.Json || !call.Shell.CanAsk))
            {
                return report;
            }

            if (!yes)
            {
                report.DrawSteps(call.Shell.ErrorConsole());
            }

            call.Confirm(yes, "Do it?");
            quarantine = Repair.MoveFiles(inspection.Medium, steps);
        }

        // A writer that comes between is left alone: opening is refused then, and what was moved until now was
        // nobody's.
        IReadOnlyList<string> mended = Repair.Regions(place, steps);
        return new RepairReport(place.Text, steps, Done: true, quarantine, mended, startOver ? [] : Left(place, deep));
    }

    /// <summary>What is still wrong, but for regions that were taken out of the way: those are known.</summary>
    private static Finding[] Left(ArenaReference place, bool deep) =>
        [.. ArenaCheck.Run(place, deep).Findings.Where(finding =>
            !finding.Subject.StartsWith(RepairSteps.Prefix, StringComparison.Ordinal))];
}
