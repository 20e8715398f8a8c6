using System.Globalization;
using System.Security;
using System.Text;
using GuestMemFs.Cli.Terminal;

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
        text { font: 13px system-ui, sans-serif; fill: #222 } .small { font-size: 11px; fill: #666 }
        .title { font-size: 17px; font-weight: 600 } rect, line { shape-rendering: crispEdges }
        .background { fill: #fff } .frame { fill: none; stroke: #999 } .used { fill: #2f6f9f }
        .slab { fill: #a9cbe0 } .run { fill: #cfe3b4 } .fresh { fill: #f4f4f4 }
        .own { fill: #b9a66b } .bad { fill: #b3452f } .cut { stroke: #222; stroke-width: 1.5 }
        @media (prefers-color-scheme: dark) { .background { fill: #1b1d20 } text { fill: #ddd }
        .small { fill: #999 } .fresh { fill: #2a2d31 } .run { fill: #4c6138 } .cut { stroke: #ddd } }
        </style>
        """;

    private static readonly (string Kind, string Text)[] s_legend =
    [
        ("used", "used"), ("slab", "free within slabs"), ("run", "free pages"), ("fresh", "never handed out"),
        ("own", "the application's bytes"), ("bad", "cannot be read"),
    ];

    public static string Draw(MapReport map)
    {
        int height = 96 + (map.Regions.Count * RowHeight) + (map.Unused.Count > 0 ? 30 : 0) + 40;
        var svg = new StringBuilder();
        Add(svg, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {height}\" ");
        Add(svg, $"width=\"{Width}\" height=\"{height}\" role=\"img\">\n<title>Arena {Escape(map.Arena)}</title>\n");
        Add(svg, $"{Style}\n");
        Add(svg, $"<rect class=\"background\" width=\"{Width}\" height=\"{height}\"/>\n");
        Add(svg, $"<text class=\"title\" x=\"{Margin}\" y=\"34\">{Escape(map.Arena)}</text>\n");
        string regions = $"{Sizes.Count(map.Regions.Count, "region")}, {Sizes.Of(map.Regions.Sum(r => r.Length))}";
        string free = $"{Sizes.Of(map.MediumFree)} of the medium's {Sizes.Of(map.Total)} free";
        string sampled = map.Sampled ? "; shares estimated from samples" : string.Empty;
        Small(svg, Margin, 54, $"arena {map.Id}; {regions}; {free}{sampled}");
        long longest = map.Regions.Count == 0 ? 1 : Math.Max(1, map.Regions.Max(r => r.Length));
        int y = 84;
        foreach (MapRegion region in map.Regions)
        {
            Region(svg, region, y, longest);
            y += RowHeight;
        }

        if (map.Unused.Count > 0)
        {
            string files = Sizes.Count(map.Unused.Count, "file");
            Small(svg, Margin, y + 8,
                $"{files} of no region, {Sizes.Of(map.Unused.Sum(f => f.Length))}, to be used again");
            y += 30;
        }

        Legend(svg, y + 12);
        return svg.Append("</svg>\n").ToString();
    }

    private static void Region(StringBuilder svg, MapRegion region, int y, long longest)
    {
        double width = Math.Max(3, (double)(Width - (2 * Margin)) * region.Length / longest);
        Add(svg, $"<text x=\"{Margin}\" y=\"{y}\"><tspan font-weight=\"600\">{Escape(Cut(region.Name, 80))}</tspan>");
        Add(svg, $"  {ListReport.Name(region.Kind)}, {Sizes.Of(region.Length)}</text>\n");
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
            Rectangle(svg, kind, new(Margin, top, width, BarHeight), "/>\n");
        }

        string parts = string.Join(", ", region.Files.Select(f => $"{f.Name}: {Sizes.Of(f.Holds)}"));
        Rectangle(svg, "frame", new(Margin, top, width, BarHeight), $"><title>{Escape(parts)}</title></rect>\n");
        double at = Margin;
        foreach (MapFile file in region.Files.SkipLast(1))
        {
            at += width * file.Holds / Math.Max(1, region.Length);
            Add(svg, $"<line class=\"cut\" x1=\"{at:0.##}\" x2=\"{at:0.##}\" ");
            Add(svg, $"y1=\"{top - 3}\" y2=\"{top + BarHeight + 3}\"/>\n");
        }

        string facts = MapReport.Facts(region);
        string line = Cut($"{facts}; {MapReport.FilesOf(region)}", 155);
        Small(svg, Margin, top + BarHeight + 15, $"{Escape(line)}<title>{Escape(facts)}</title>");
    }

    /// <summary>From the bottom: used, free in slabs, free in whole pages; what is left was never handed out.</summary>
    private static void Cell(StringBuilder svg, MapCell cell, double x, int top, double width)
    {
        Rectangle(svg, "fresh", new(x, top, width + 0.3, BarHeight), "/>");
        double bottom = top + BarHeight;
        (double, string)[] shares = [(cell.Used, "used"), (cell.FreeInSlabs, "slab"), (cell.FreeRuns, "run")];
        foreach ((double share, string kind) in shares)
        {
            double height = Math.Clamp(share, 0, 1) * BarHeight;
            bottom -= height;
            if (height > 0.05)
            {
                Rectangle(svg, kind, new(x, bottom, width + 0.3, height), "/>");
            }
        }

        svg.Append('\n');
    }

    private static void Legend(StringBuilder svg, int y)
    {
        int x = Margin;
        foreach ((string kind, string text) in s_legend)
        {
            Rectangle(svg, kind, new(x, y, 12, 12), "/>");
            Small(svg, x + 17, y + 10, text);
            x += 160;
        }
    }

    private static void Add(StringBuilder svg, FormattableString text) =>
        svg.Append(text.ToString(CultureInfo.InvariantCulture));

    private static void Small(StringBuilder svg, int x, int y, string text) =>
        Add(svg, $"<text class=\"small\" x=\"{x}\" y=\"{y}\">{text}</text>\n");

    private static void Rectangle(StringBuilder svg, string kind, Box box, string end)
    {
        Add(svg, $"<rect class=\"{kind}\" x=\"{box.X:0.##}\" y=\"{box.Y:0.##}\" ");
        Add(svg, $"width=\"{box.Width:0.##}\" height=\"{box.Height:0.##}\"{end}");
    }

    /// <summary>What fits on a line of the picture.</summary>
    private static string Cut(string text, int most) => text.Length <= most ? text : text[..(most - 1)] + "…";

    private static string Escape(string text) => SecurityElement.Escape(text);

    private readonly record struct Box(double X, double Y, double Width, double Height);
}
