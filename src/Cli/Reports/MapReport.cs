using System.Globalization;
using GuestMemFs.Cli.Terminal;
using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>An equal part of a region: shares of its bytes, 0 to 1. What is left of 1 was never handed out.</summary>
internal readonly record struct MapCell(double Used, double FreeInSlabs, double FreeRuns);

/// <summary>A file of the map.</summary>
internal sealed record MapFile(string Name, long Length, long Holds);

/// <summary>A region of the map.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Whose bytes.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Files">The files it lies in, in order.</param>
/// <param name="Cells">A heap's parts; null where the bytes are the application's own.</param>
/// <param name="Used">A heap's bytes that hold something (an estimate, where <see cref="MapReport.Sampled"/>).</param>
/// <param name="Free">A heap's bytes below its frontier that hold nothing.</param>
/// <param name="LongestFree">The longest piece of it that is free in whole pages.</param>
/// <param name="Fragmented">How much of the free bytes is not in that piece: 0 is one piece, 1 is dust.</param>
/// <param name="Problem">Why it could not be looked at.</param>
internal sealed record MapRegion(string Name, RegionKind Kind, long Length, IReadOnlyList<MapFile> Files,
    IReadOnlyList<MapCell>? Cells, long? Used, long? Free, long? LongestFree, double? Fragmented, string? Problem);

/// <summary>Which region lies where, how full it is, how fragmented.</summary>
internal sealed record MapReport(string Arena, Guid Id, long Total, long MediumFree, bool Sampled,
    IReadOnlyList<MapRegion> Regions, IReadOnlyList<MapFile> Unused) : Report
{
    private const string Shades = " ░▒▓█";

    public override void Draw(IAnsiConsole console)
    {
        console.WriteLine(
            $"arena in {Arena}: {Sizes.Count(Regions.Count, "region")}, {Sizes.Of(Regions.Sum(r => r.Length))}; " +
            $"{Sizes.Of(MediumFree)} of the medium's {Sizes.Of(Total)} are free");
        long longest = Regions.Count == 0 ? 0 : Regions.Max(r => r.Length);
        foreach (MapRegion region in Regions)
        {
            console.WriteLine();
            console.WriteLine($"{region.Name}  {ListReport.Name(region.Kind)}, {Sizes.Of(region.Length)} " +
                $"in {FilesOf(region)}");
            console.WriteLine("  " + Bar(region, longest) + "  " + Facts(region));
        }

        foreach (MapFile file in Unused)
        {
            console.WriteLine();
            console.WriteLine($"{file.Name}  {Sizes.Of(file.Length)}, of no region: waits to be used again");
        }

        console.WriteLine();
        console.WriteLine("█ full  ▓▒░ partly free  · free  _ never handed out  # the application's own bytes" +
            (Sampled ? "; shares are estimated from samples" : string.Empty));
    }

    /// <summary>The names of a region's files; of many, the first and the last.</summary>
    public static string FilesOf(MapRegion region) => region.Files.Count <= 6
        ? string.Join(", ", region.Files.Select(f => f.Name))
        : $"{region.Files[0].Name} … {region.Files[^1].Name} ({Sizes.Count(region.Files.Count, "file")})";

    public static string Facts(MapRegion region) => region switch
    {
        { Problem: { } problem } => problem,
        { Cells: null, Kind: RegionKind.Heap } => "never used",
        { Cells: null } => "the application's bytes",
        _ => string.Create(
            CultureInfo.InvariantCulture,
            $"{Sizes.Of(region.Used ?? 0)} used " +
            $"({Sizes.Percent(region.Used ?? 0, region.Length)}), {Sizes.Of(region.Free ?? 0)} free in between, " +
            $"longest piece {Sizes.Of(region.LongestFree ?? 0)}, fragmented {100 * region.Fragmented:0} %"),
    };

    /// <summary>As long as the region is large, next to the others.</summary>
    private static string Bar(MapRegion region, long longest)
    {
        const int width = 64;
        int length = (int)Math.Max(1, width * region.Length / Math.Max(1, longest));
        if (region.Cells is not { } cells)
        {
            return "[" + new string(region.Kind == RegionKind.Heap ? '_' : '#', length) + "]";
        }

        return "[" + string.Concat(Enumerable.Range(0, length).Select(i => Mark(Average(cells, i, length)))) + "]";
    }

    private static char Mark(MapCell cell)
    {
        double handedOut = cell.Used + cell.FreeInSlabs + cell.FreeRuns;
        return handedOut < 0.01 ? '_'
            : cell.Used < 0.01 * handedOut ? '·'
            : Shades[Math.Clamp((int)Math.Ceiling(cell.Used / handedOut * (Shades.Length - 1)), 1, Shades.Length - 1)];
    }

    private static MapCell Average(IReadOnlyList<MapCell> cells, int index, int of)
    {
        int from = index * cells.Count / of;
        int to = Math.Max(from + 1, (index + 1) * cells.Count / of);
        var sum = default(MapCell);
        for (int i = from; i < to; i++)
        {
            sum = new MapCell(sum.Used + cells[i].Used, sum.FreeInSlabs + cells[i].FreeInSlabs,
                sum.FreeRuns + cells[i].FreeRuns);
        }

        return new MapCell(sum.Used / (to - from), sum.FreeInSlabs / (to - from), sum.FreeRuns / (to - from));
    }
}
