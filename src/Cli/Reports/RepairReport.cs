using System.Text.Json.Serialization;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Terminal;
using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>How a step is taken.</summary>
internal enum StepKind
{
    /// <summary>By opening the arena as its writer, which mends it.</summary>
    Mend,

    /// <summary>By moving a file into the quarantine directory.</summary>
    MoveFile,

    /// <summary>By renaming a region, out of its users' way.</summary>
    RenameRegion,

    /// <summary>By deleting what an interrupted restore left.</summary>
    RemoveHalfRestored,

    /// <summary>By moving all files into the quarantine directory.</summary>
    MoveAll,

    /// <summary>Not at all: it cannot be done without guessing.</summary>
    CannotBeDone,
}

/// <summary>One step of a repair.</summary>
/// <param name="Kind">How.</param>
/// <param name="Reason">Why, as a code.</param>
/// <param name="Subject">The file or region.</param>
/// <param name="Found">What is wrong.</param>
/// <param name="Does">What is done about it.</param>
/// <param name="Loses">What is lost by it; null where nothing is.</param>
internal sealed record RepairStep(
    StepKind Kind, string Reason, string Subject, string Found, string Does, string? Loses);

/// <summary>What a repair is going to do, or did.</summary>
/// <param name="Arena">Where.</param>
/// <param name="Steps">The steps.</param>
/// <param name="Done">False where nothing was changed.</param>
/// <param name="Quarantine">The directory that files were moved into.</param>
/// <param name="Mended">What opening the arena mended, in its own words.</param>
/// <param name="Left">What is still wrong.</param>
internal sealed record RepairReport(string Arena, IReadOnlyList<RepairStep> Steps, bool Done, string? Quarantine,
    IReadOnlyList<string> Mended, IReadOnlyList<Finding> Left) : Report
{
    /// <summary>Nobody said yes.</summary>
    [JsonIgnore]
    public bool Waits => !Done && Steps.Any(step => step.Kind != StepKind.CannotBeDone);

    [JsonIgnore]
    public override ExitCode ExitCode => Waits ? ExitCode.Refused
        : Left.Any(finding => finding.Severity != FindingSeverity.Note)
            || Steps.Any(step => step.Kind == StepKind.CannotBeDone) ? ExitCode.ProblemsFound
        : ExitCode.Done;

    public override void Draw(IAnsiConsole console)
    {
        DrawSteps(console);
        if (!Done)
        {
            console.WriteLine(Steps.Count == 0 ? $"There is nothing to repair in {Arena}."
                : "Nothing was changed." + (Waits ? " Say --yes to have it done." : string.Empty));
            return;
        }

        foreach (string mended in Mended)
        {
            console.WriteLine("mended: " + mended);
        }

        if (Quarantine is not null)
        {
            console.WriteLine($"What was moved away is in {Quarantine}. Delete it when nobody misses it.");
        }

        FindingList.Draw(console, Left);
        console.WriteLine(Left.Any(finding => finding.Severity != FindingSeverity.Note) ? "Some of it is left."
            : "Done. Nothing is wrong any more.");
    }

    /// <summary>What is going to be done.</summary>
    public void DrawSteps(IAnsiConsole console)
    {
        foreach (RepairStep step in Steps)
        {
            console.WriteLine($"{step.Reason} {step.Subject}: {step.Found}");
            string how = Done ? "done" : step.Kind == StepKind.CannotBeDone ? "cannot be repaired" : "will be done";
            console.WriteLine($"    {how}: {step.Does}");
            console.WriteLine($"    lost by it: {step.Loses ?? "nothing"}");
        }
    }
}
