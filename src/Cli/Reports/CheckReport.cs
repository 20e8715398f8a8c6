using System.Text.Json.Serialization;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Terminal;
using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>What was looked at.</summary>
internal sealed record Checked(int Regions, int Files, long JournalBytes, int Heaps, int HeapsDeep);

/// <summary>What is wrong with an arena.</summary>
internal sealed record CheckReport(string Arena, Guid? Id, string State, Checked Checked,
    IReadOnlyList<Finding> Findings) : Report
{
    public bool Healthy => Findings.All(finding => finding.Severity == FindingSeverity.Note);

    [JsonIgnore]
    public override ExitCode ExitCode => Healthy ? ExitCode.Done : ExitCode.ProblemsFound;

    public override void Draw(IAnsiConsole console)
    {
        console.WriteLine($"arena in {Arena} ({State})");
        FindingList.Draw(console, Findings);
        string deep = Checked.HeapsDeep > 0 ? $", of which every block" : string.Empty;
        console.WriteLine($"looked at: superblock, {Sizes.Of(Checked.JournalBytes)} of " +
            $"journal, {Sizes.Count(Checked.Regions, "region")}, {Sizes.Count(Checked.Files, "file")}, " +
            $"{Sizes.Count(Checked.Heaps, "heap")}{deep}");
        int problems = Findings.Count(finding => finding.Severity != FindingSeverity.Note);
        console.WriteLine(problems == 0 ? "nothing is wrong" : Sizes.Count(problems, "problem"));
    }
}

/// <summary>Findings as lines.</summary>
internal static class FindingList
{
    public static void Draw(IAnsiConsole console, IEnumerable<Finding> findings)
    {
        foreach (Finding finding in findings)
        {
            (string mark, Color color) = finding.Severity switch
            {
                FindingSeverity.Error => ("error  ", Color.Red),
                FindingSeverity.Warning => ("warning", Color.Yellow),
                _ => ("note   ", Color.Default),
            };
            console.Write(new Text($"{mark} {finding.Reason} ", new Style(color)));
            console.WriteLine($"{finding.Subject}: {finding.Text}");
            if (finding.Next is not null)
            {
                console.WriteLine($"                {finding.Next}");
            }
        }
    }
}
