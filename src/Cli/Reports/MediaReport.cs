using GuestMemFs.Cli.Terminal;
using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>A medium that this machine offers, best first.</summary>
internal sealed record MediumLine(string Kind, string MountPoint, string Directory, Survives? Survives, long? PageSize,
    long? Total, long? Free, bool HasArena, bool Usable, string? Objection);

/// <summary>A better medium, what it would give, and what to type for it.</summary>
internal sealed record Advice(string Gain, IReadOnlyList<string> Commands);

/// <summary>What this machine offers.</summary>
internal sealed record MediaReport(string Name, IReadOnlyList<MediumLine> Media, IReadOnlyList<Advice> Better) : Report
{
    public override void Draw(IAnsiConsole console)
    {
        Table table = Drawing.Table(console, "medium", "mount", "survives", ">page", ">free", ">size", "for this name");
        foreach (MediumLine m in Media)
        {
            table.Row(
                m.Kind, m.MountPoint, m.Survives is { } s ? StatusReport.Survival(s) : "-",
                m.PageSize is { } page ? Sizes.Of(page) : "-",
                m.Free is { } free ? Sizes.Of(free) : "unknown", m.Total is { } total ? Sizes.Of(total) : "-",
                !m.Usable ? "not used: " + m.Objection : m.HasArena ? "holds files: taken" : m.Directory);
        }

        console.Write(table);
        foreach (Advice advice in Better)
        {
            console.WriteLine();
            console.WriteLine(advice.Gain + ":");
            foreach (string command in advice.Commands)
            {
                console.WriteLine("    " + command);
            }
        }
    }
}
