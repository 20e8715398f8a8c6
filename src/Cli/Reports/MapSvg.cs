using System.Globalization;
using System.Security;
using System.Text;
using GuestMemFs.Cli.Infrastructure;

namespace GuestMemFs.Cli.Reports;

/// <summary>The map as one SVG file that needs nothing else.</summary>
internal static class MapSvg
{
    private const int Width = 1000;
    private const int Margin = 24;
    private const int RowHeight = 74;
    private const int BarHeight = 26;

    private const string Style = """
        <style>
        text { font: 13px system-ui, sans-serif; fill: #222 } .small { font-size: 11px; fill: #666 } .title { font-size: 17px; font-weight: 600 }
        rect, line { shape-rendering: crispEdges } .background { fill: #fff } .frame { fill: none; stroke: #999 } .used { fill: #2f6f9f } .slab { fill: #a9cbe0 } .run { fill: #cfe3b4 } .fresh { fill: #f4f4f4 }
        .own { fill: #b9a66b } .bad { fill: #b3452f } .cut { stroke: #222; stroke-width: 1.5 }
        @media (prefers-color-scheme: dark) { .background { fill: #1b1d20 } text { fill: #ddd } .small { fill: #999 } .fresh { fill: #2a2d31 } .run { fill: #4c6138 } .cut { stroke: #ddd } }
        </style>
        """;

    public static string Draw(MapReport map)
    {
        int height = 96 + (map.Regions.Count * RowHeight) + (map.Unused.Count > 0 ? 30 : 0) + 40;
        var svg = new StringBuilder();
        Add(svg, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {height}\" width=\"{Width}\" height=\"{height}\" role=\"img\">\n<title>Arena {Escape(map.Arena)}</title>\n{Style}\n");
        Add(svg, $"<rect class=\"background\" width=\"{Width}\" height=\"{height}\"/>\n");
        Add(svg, $"<text class=\"title\" x=\"{Margin}\" y=\"34\">{Escape(map.Arena)}</text>\n");
        Add(svg, $"<text class=\"small\" x=\"{Margin}\" y=\"54\">arena {map.Id}; {Sizes.Count(map.Regions.Count, "region")}, {Sizes.Of(map.Regions.Sum(r => r.Length))}; {Sizes.Of(map.MediumFree)} of the medium's {Sizes.Of(map.Total)} free{(map.Sampled ? "; shares estimated from samples" : string.Empty)}</text>\n");
        long longest = map.Regions.Count == 0 ? 1 : Math.Max(1, map.Regions.Max(r => r.Length));
        int y = 84;
        foreach (MapRegion region in map.Regions)
        {
            Region(svg, region, y, longest);
            y += RowHeight;
        }

        if (map.Unused.Count > 0)
        {
            Add(svg, $"<text class=\"small\" x=\"{Margin}\" y=\"{y + 8}\">{Sizes.Count(map.Unused.Count, "file")} of no region, {Sizes.Of(map.Unused.Sum(f => f.Length))}, to be used again</text>\n");
            y += 30;
        }

        Legend(svg, y + 12);
        return svg.Append("</svg>\n").ToString();
    }

    private static void Region(StringBuilder svg, MapRegion region, int y, long longest)
    {
        double width = Math.Max(3, (double)(Width - (2 * Margin)) * region.Length / longest);
        Add(svg, $"<text x=\"{Margin}\" y=\"{y}\"><tspan font-weight=\"600\">{Escape(Cut(region.Name, 80))}</tspan>  {ListReport.Name(region.Kind)}, {Sizes.Of(region.Length)}</text>\n");
        int top = y + 7;
        if (region.Cells is { Count: > 0 } cells)
        {
            double cell = width / cells.Count;
            for (int i = 0; i < cells.Count; i++)
            {
                Cell(svg, cells[i], Margin + (i * cell), top, cell);
            }
        }
        else
        {
            string kind = region.Problem is not null ? "bad" : region.Kind == RegionKind.Heap ? "fresh" : "own";
            Add(svg, $"<rect class=\"{kind}\" x=\"{Margin}\" y=\"{top}\" width=\"{width:0.##}\" height=\"{BarHeight}\"/>\n");
        }

        Add(svg, $"<rect class=\"frame\" x=\"{Margin}\" y=\"{top}\" width=\"{width:0.##}\" height=\"{BarHeight}\"><title>{Escape(string.Join(", ", region.Files.Select(f => $"{f.Name}: {Sizes.Of(f.Holds)}")))}</title></rect>\n");
        double at = Margin;
        foreach (MapFile file in region.Files.SkipLast(1))
        {
            at += width * file.Holds / Math.Max(1, region.Length);
            Add(svg, $"<line class=\"cut\" x1=\"{at:0.##}\" x2=\"{at:0.##}\" y1=\"{top - 3}\" y2=\"{top + BarHeight + 3}\"/>\n");
        }

        Add(svg, $"<text class=\"small\" x=\"{Margin}\" y=\"{top + BarHeight + 15}\">{Escape(Cut($"{MapReport.Facts(region)}; {MapReport.FilesOf(region)}", 155))}<title>{Escape(MapReport.Facts(region))}</title></text>\n");
    }

    /// <summary>From the bottom: used, free in slabs, free in whole pages; what is left was never handed out.</summary>
    private static void Cell(StringBuilder svg, MapCell cell, double x, int top, double width)
    {
        Add(svg, $"<rect class=\"fresh\" x=\"{x:0.##}\" y=\"{top}\" width=\"{width + 0.3:0.##}\" height=\"{BarHeight}\"/>");
        double bottom = top + BarHeight;
        foreach ((double share, string kind) in ((double, string)[])[(cell.Used, "used"), (cell.FreeInSlabs, "slab"), (cell.FreeRuns, "run")])
        {
            double height = Math.Clamp(share, 0, 1) * BarHeight;
            bottom -= height;
            if (height > 0.05)
            {
                Add(svg, $"<rect class=\"{kind}\" x=\"{x:0.##}\" y=\"{bottom:0.##}\" width=\"{width + 0.3:0.##}\" height=\"{height:0.##}\"/>");
            }
        }

        svg.Append('\n');
    }

    private static void Legend(StringBuilder svg, int y)
    {
        int x = Margin;
        foreach ((string kind, string text) in ((string, string)[])[("used", "used"), ("slab", "free within slabs"), ("run", "free pages"), ("fresh", "never handed out"), ("own", "the application's bytes"), ("bad", "cannot be read")])
        {
            Add(svg, $"<rect class=\"{kind}\" x=\"{x}\" y=\"{y}\" width=\"12\" height=\"12\"/><text class=\"small\" x=\"{x + 17}\" y=\"{y + 10}\">{text}</text>\n");
            x += 160;
        }
    }

    private static void Add(StringBuilder svg, FormattableString text) => svg.Append(text.ToString(CultureInfo.InvariantCulture));

    /// <summary>What fits on a line of the picture.</summary>
    private static string Cut(string text, int most) => text.Length <= most ? text : text[..(most - 1)] + "…";

    private static string Escape(string text) => SecurityElement.Escape(text);
}
