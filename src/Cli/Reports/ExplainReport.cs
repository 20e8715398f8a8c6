using System.Text.Json.Serialization;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Terminal;
using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>What a finding is an answer to.</summary>
internal enum Question
{
    /// <summary>Why is it empty?</summary>
    Cold,

    /// <summary>Why does it not open?</summary>
    Refused,

    /// <summary>Why is there no room?</summary>
    Full,

    /// <summary>Why is it slow?</summary>
    Slow,
}

/// <summary>Findings that answer one question; none: that is not the case.</summary>
internal sealed record Answers(Question Question, IReadOnlyList<Finding> Findings);

/// <summary>Why an arena is as it is.</summary>
internal sealed record ExplainReport(string Arena, string Summary, IReadOnlyList<Answers> Answers) : Report
{
    [JsonIgnore]
    public override ExitCode ExitCode => Answers.SelectMany(a => a.Findings).Any(f =>
        f.Severity != FindingSeverity.Note) ? ExitCode.ProblemsFound : ExitCode.Done;

    public override void Draw(IAnsiConsole console)
    {
        console.WriteLine(Summary);
        foreach (Answers answers in Answers)
        {
            console.WriteLine();
            (string question, string no) = answers.Question switch
            {
                Question.Cold => ("Why is it cold?", "It is not: what was put into it is there."),
                Question.Refused => ("Why is it refused?", "It is not: it opens, and all of its regions do."),
                Question.Full => ("Why is it full?", "It is not: medium, metadata and heaps have room."),
                _ => ("Why is it slow?", "Nothing here says that it has to be."),
            };
            console.WriteLine(question);
            if (answers.Findings.Count == 0)
            {
                console.WriteLine("  " + no);
            }

            foreach (Finding finding in answers.Findings)
            {
                console.WriteLine($"  {finding.Reason} {finding.Subject}: {finding.Text}");
                if (finding.Next is not null)
                {
                    console.WriteLine($"          {finding.Next}");
                }
            }
        }
    }
}
