using System.Text.Json.Serialization;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Terminal;
using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>What was brought back out of a process.</summary>
/// <param name="Process">The process.</param>
/// <param name="From">Where the files were.</param>
/// <param name="To">Where they are now.</param>
/// <param name="Files">Their names.</param>
/// <param name="Bytes">Their length together.</param>
/// <param name="Ended">The process was ended.</param>
/// <param name="Findings">What is wrong with the copy.</param>
internal sealed record RescueReport(
    int Process,
    string From,
    string To,
    IReadOnlyList<string> Files,
    long Bytes,
    bool Ended,
    IReadOnlyList<Finding> Findings) : Report
{
    public bool Whole => Findings.All(finding => finding.Severity == FindingSeverity.Note);

    [JsonIgnore]
    public override ExitCode ExitCode => Whole ? ExitCode.Done : ExitCode.ProblemsFound;

    public override void Draw(IAnsiConsole console)
    {
        string what = $"{Sizes.Count(Files.Count, "file")} of {From}, {Sizes.Of(Bytes)}";
        console.WriteLine($"{what}, came out of process {Process} into {To}");
        FindingList.Draw(console, Findings);
        console.WriteLine(Whole
            ? "the copy is whole: every block of every heap was looked at"
            : "The copy is not whole. The process was left as it is.");
        console.WriteLine(Ended
            ? $"process {Process} was ended; start the next one on {To}"
            : $"process {Process} goes on: what it acknowledges from now on is not in the copy (--end ends it)");
    }
}
