using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Terminal;
using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>
/// A region in a list. <paramref name="HandedOut"/> is what a heap has handed out at least once, or null;
/// <paramref name="Problem"/> says why it cannot be read.
/// </summary>
internal sealed record RegionLine(string Name, ulong Id, RegionKind Kind, long Length, long MaximumLength,
    RegionReserve Reserve, long? HandedOut, long? Records, int Extents, DateTimeOffset Created, string? Problem)
{
    public static RegionLine Of(ArenaInspection inspection, RegionInfo region)
    {
        try
        {
            HeapFacts? heap = HeapFacts.Read(inspection, region.Name);
            return Of(region, heap?.Frontier, heap?.Roots.Sum(root => root.Records), null);
        }
        catch (ArenaException e)
        {
            return Of(region, null, null, e.ReasonCode);
        }
    }

    private static RegionLine Of(RegionInfo r, long? used, long? records, string? problem) =>
        new(r.Name, r.Id, r.Kind, r.Length, r.MaximumLength, r.Reserve, used, records, r.ExtentCount, r.Created,
            problem);
}

/// <summary>The regions of an arena.</summary>
internal sealed record ListReport(string Arena, Guid Id, IReadOnlyList<RegionLine> Regions) : Report
{
    public override void Draw(IAnsiConsole console)
    {
        if (Regions.Count == 0)
        {
            console.WriteLine($"The arena in {Arena} has no regions.");
            return;
        }

        Table table = Drawing.Table(console, "region", "kind", ">size", ">handed out", ">records", ">files", "created",
            "problem");
        foreach (RegionLine r in Regions)
        {
            table.Row(
                r.Name, Name(r.Kind), Sizes.Of(r.Length), r.HandedOut is { } used ? Sizes.Of(used) : "-",
                r.Records?.ToString("N0", null) ?? "-", $"{r.Extents}",
                $"{r.Created:yyyy-MM-dd HH:mm}", r.Problem ?? string.Empty);
        }

        console.Write(table);
    }

    public static string Name(RegionKind kind) => kind switch
    {
        RegionKind.Heap => "heap",
        RegionKind.GuestRam => "guest-ram",
        _ => "raw",
    };
}

/// <summary>An arena that was found on this machine.</summary>
internal sealed record ArenaLine(
    string Name, string Directory, string Medium, Guid? Id, int? Regions, long? InUse, string State, string? Problem);

/// <summary>The arenas on this machine's media.</summary>
internal sealed record ArenasReport(IReadOnlyList<ArenaLine> Arenas) : Report
{
    public override void Draw(IAnsiConsole console)
    {
        if (Arenas.Count == 0)
        {
            console.WriteLine("There are no arenas in the default places of this machine's media. Those in other " +
                "directories are named with --arena DIR.");
            return;
        }

        Table table = Drawing.Table(console, "arena", "directory", "medium", ">regions", ">in use", "state", "problem");
        foreach (ArenaLine a in Arenas)
        {
            table.Row(a.Name, a.Directory, a.Medium, a.Regions?.ToString("N0", null) ?? "-",
                a.InUse is { } bytes ? Sizes.Of(bytes) : "-", a.State, a.Problem ?? string.Empty);
        }

        console.Write(table);
    }
}
