using System.Text.Json.Serialization;
using GuestMemFs.Cli.Terminal;
using GuestMemFs.LiveUpdate;
using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>A participant of a live update.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Step">How far it is.</param>
/// <param name="StoodStill">From being asked to stand still until it went on.</param>
/// <param name="Reason">Why it does not go on.</param>
internal sealed record LiveUpdateParticipantReport(
    string Name, ParticipantStep Step, TimeSpan? StoodStill, string? Reason);

/// <summary>How far a live update is.</summary>
internal sealed record LiveUpdateReport(Guid Id, PlanPhase Phase, string Arena, string NextKernel, string? Problem,
    IReadOnlyList<LiveUpdateParticipantReport> Participants) : Report
{
    [JsonIgnore]
    public override ExitCode ExitCode => Participants.Any(one => one.Step == ParticipantStep.Refused)
        ? ExitCode.ProblemsFound : ExitCode.Done;

    public static LiveUpdateReport Of(PlanRecord record) => new(
        record.Id,
        record.Phase,
        record.Plan.Arena,
        record.Plan.Kernel.Image,
        record.Problem,
        [.. record.Participants.Select(one =>
            new LiveUpdateParticipantReport(one.Name, one.Step, one.Resumed - one.Stopped, one.Reason))]);

    public override void Draw(IAnsiConsole console)
    {
        Drawing.Facts(
            console,
            ("plan", $"{Id}"),
            ("arena", Arena),
            ("kernel", NextKernel),
            ("phase", Words(Phase)),
            ("problem", Problem));
        foreach (LiveUpdateParticipantReport one in Participants)
        {
            string pause = one.StoodStill is { } time ? $", stood still for {time.TotalSeconds:N2} s" : string.Empty;
            string reason = one.Reason is null ? string.Empty : ": " + one.Reason;
            console.WriteLine($"{one.Name}: {one.Step.ToString().ToLowerInvariant()}{pause}{reason}");
        }
    }

    private static string Words(PlanPhase phase) => phase switch
    {
        PlanPhase.Planned => "planned: nobody stands still yet",
        PlanPhase.Saving => "under the old kernel: participants are being saved and frozen",
        PlanPhase.Entering => "everybody is frozen, and the next kernel is being entered",
        PlanPhase.Resuming => "under the next kernel: participants are being compared and go on",
        PlanPhase.Done => "done",
        PlanPhase.Aborting => "being taken back, under the old kernel",
        _ => "taken back",
    };
}

/// <summary>What a look ahead found.</summary>
internal sealed record LiveUpdateCheckReport(string Arena, bool DryRun, IReadOnlyList<LiveUpdateFinding> Findings)
    : Report
{
    [JsonIgnore]
    public override ExitCode ExitCode => Findings.Any(finding => finding.IsFatal) ? ExitCode.Refused : ExitCode.Done;

    public override void Draw(IAnsiConsole console)
    {
        foreach (LiveUpdateFinding finding in Findings)
        {
            console.WriteLine($"{(finding.IsFatal ? "would fail" : "to know")}: {finding}");
        }

        console.WriteLine(ExitCode == ExitCode.Refused ? "The plan would fail; nothing was changed."
            : DryRun ? "Nothing of the plan would fail, as far as can be seen from here; nothing was changed."
            : $"The plan is noted in {Arena}. gmfs live-update run carries it out.");
    }
}
