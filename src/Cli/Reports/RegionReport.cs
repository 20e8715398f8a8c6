using System.Text.Json.Serialization;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Terminal;
using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>A file of a region.</summary>
internal sealed record ExtentLine(ulong Id, int Ordinal, string? File, long FileLength, long Used)
{
    public static ExtentLine Of(ArenaInspection inspection, ExtentSnapshot extent) =>
        new(extent.Id, extent.Ordinal, inspection.Locate(extent), extent.FileLengthBytes, extent.UsedBytes);
}

/// <summary>One region.</summary>
internal sealed record RegionReport(
    string Arena,
    string Name,
    ulong Id,
    RegionKind Kind,
    long Length,
    long MaximumLength,
    long Alignment,
    RegionReserve Reserve,
    DateTimeOffset Created,
    bool Formatted,
    HeapFacts? Heap,
    IReadOnlyList<ExtentLine> Extents,
    ErrorBody? Problem) : Report
{
    [JsonIgnore]
    public override ExitCode ExitCode => Problem is null ? ExitCode.Done : (ExitCode)Problem.ExitCode;

    public override void Draw(IAnsiConsole console)
    {
        Drawing.Facts(
            console,
            ("region", $"{Name}  (id {Id})"),
            ("arena", Arena),
            ("kind", ListReport.Name(Kind) + (Kind == RegionKind.Heap && !Formatted ? ", never used" : string.Empty)),
            ("size", $"{Sizes.Of(Length)}, can grow to {Sizes.Of(MaximumLength)} at its address"),
            ("space", Reserve == RegionReserve.Full ? "taken in full" : "taken as it is used"),
            ("aligned to", Sizes.Of(Alignment)),
            ("created", $"{Created:u}"),
            ("handed out", Heap is { } heap
                ? $"{Sizes.Of(heap.Frontier)} at least once ({Sizes.Percent(heap.Frontier, Length)})" : null),
            ("problem", Problem is null ? null : $"{Problem.Reason} {Problem.Message}"),
            ("next", Problem?.Next));
        if (Heap is { Roots.Count: > 0 } filled)
        {
            Table roots = Drawing.Table(console, "root", ">records", ">record bytes", ">expiring");
            foreach (RootFacts root in filled.Roots)
            {
                roots.Row(root.Name, root.Records?.ToString("N0", null) ?? "not a dictionary",
                    root.RecordBytes is { } bytes ? Sizes.Of(bytes) : "-", root.Expiring?.ToString("N0", null) ?? "-");
            }

            console.Write(roots);
            foreach (RootFacts root in filled.Roots.Where(root => root.Shape is not null))
            {
                console.WriteLine($"{root.Name} holds {root.Shape}");
            }
        }

        Table files = Drawing.Table(console, ">#", "file", ">length", ">holds");
        foreach (ExtentLine extent in Extents)
        {
            files.Row($"{extent.Ordinal}", extent.File ?? "missing", Sizes.Of(extent.FileLength),
                Sizes.Of(extent.Used));
        }

        console.Write(files);
    }
}
