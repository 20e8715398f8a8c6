using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Terminal;
using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>An arena as a whole.</summary>
internal sealed record StatusReport(
    string Arena,
    Guid Id,
    string Medium,
    Survives Survives,
    long PageSize,
    DateTimeOffset Created,
    string State,
    WriterFacts? Writer,
    ulong Epoch,
    bool Frozen,
    int Regions,
    long RegionBytes,
    long ReusableBytes,
    long MediumTotal,
    long MediumFree,
    int Files,
    int? MaximumFiles,
    long MetadataUsed,
    long MetadataCapacity,
    IReadOnlyList<string> Reasons) : Report
{
    public override void Draw(IAnsiConsole console)
    {
        Drawing.Facts(
            console,
            ("arena", $"{Arena}  ({Id})"),
            ("medium", $"{Medium}, pages of {Sizes.Of(PageSize)}, survives {Survival(Survives)}"),
            ("created", $"{Created:u}"),
            ("state", State + (Frozen ? ", frozen" : string.Empty)),
            ("epoch", $"{Epoch}"),
            ("regions", $"{Regions:N0} of {Sizes.Of(RegionBytes)}"),
            ("reusable", ReusableBytes > 0 ? $"{Sizes.Of(ReusableBytes)} of deleted regions" : null),
            ("free", $"{Sizes.Of(MediumFree)} of the medium's {Sizes.Of(MediumTotal)}"),
            ("files", MaximumFiles is { } most ? $"{Files:N0} of at most {most:N0}" : $"{Files:N0}"),
            ("metadata", $"{Sizes.Of(MetadataUsed)} of {Sizes.Of(MetadataCapacity)} " +
                $"({Sizes.Percent(MetadataUsed, MetadataCapacity)})"));
        foreach (string reason in Reasons)
        {
            console.WriteLine("reason    " + reason);
        }
    }

    public static string Survival(Survives survives) =>
        survives == Survives.Nothing ? "nothing" : string.Join(", ", Names(survives));

    private static IEnumerable<string> Names(Survives survives)
    {
        if (survives.HasFlag(Survives.ProcessExit))
        {
            yield return "the process";
        }

        if (survives.HasFlag(Survives.Kexec))
        {
            yield return "a kexec";
        }

        if (survives.HasFlag(Survives.PowerLoss))
        {
            yield return "a loss of power (what was flushed)";
        }
    }
}
