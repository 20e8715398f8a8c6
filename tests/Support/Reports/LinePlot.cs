using System.Globalization;
using System.Text;

namespace GuestMemFs.Support.Reports;

/// <summary>What was measured one way.</summary>
/// <param name="Name">What the line's end says.</param>
/// <param name="Color">Of all of it.</param>
/// <param name="Runs">For each position the runs there, in any order; none where there are none.</param>
/// <param name="Dashed">True for what is not one of the ways itself.</param>
public sealed record PlotLine(
    string Name, string Color, IReadOnlyList<IReadOnlyList<double>> Runs, bool Dashed = false);

/// <summary>
/// Figures as a picture that needs nothing else: a line for each way through its medians, a stroke from the least to
/// the most.
/// </summary>
public static class LinePlot
{
    private const int Left = 70, Top = 50, Width = 520, Height = 260, Line = 16;

    /// <summary>Draws it, as SVG.</summary>
    /// <param name="title">Over it.</param>
    /// <param name="axis">Under it.</param>
    /// <param name="positions">From left to right: where, from 0 to 1, and the name there.</param>
    /// <param name="lines">The ways.</param>
    public static string Draw(
        string title, string axis, IReadOnlyList<(double X, string Name)> positions, IReadOnlyList<PlotLine> lines)
    {
        double most = lines.SelectMany(line => line.Runs).SelectMany(runs => runs).Max();
        double step = Math.Pow(10, Math.Floor(Math.Log10(most)));
        step = most / step < 2 ? step / 4 : most / step < 5 ? step / 2 : step;
        double top = Math.Ceiling(most / step) * step;
        var text = new StringBuilder();
        Add($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Left + Width + 130} {Top + Height + 60}\"");
        Add($" font-family=\"sans-serif\" font-size=\"13\" fill=\"#333\">");
        Add($"<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>");
        Add($"<text x=\"{Left}\" y=\"24\" font-size=\"15\">{title}</text>");
        for (double at = 0; at <= top + (step / 2); at += step)
        {
            Add($"<line x1=\"{Left}\" x2=\"{Left + Width}\" y1=\"{Y(at):F1}\" y2=\"{Y(at):F1}\" stroke=\"#ddd\"/>");
            Add($"<text x=\"{Left - 8}\" y=\"{Y(at) + 4:F1}\" text-anchor=\"end\">{at:F0}</text>");
        }

        foreach ((double x, string name) in positions)
        {
            Add($"<text x=\"{X(x):F1}\" y=\"{Top + Height + 20}\" text-anchor=\"middle\">{name}</text>");
        }

        Add($"<text x=\"{Left + (Width / 2)}\" y=\"{Top + Height + 44}\" text-anchor=\"middle\">{axis}</text>");
        foreach (PlotLine line in lines)
        {
            var points = new StringBuilder();
            for (int i = 0; i < positions.Count; i++)
            {
                if (line.Runs[i].Count > 0)
                {
                    (double x, double y) = (X(positions[i].X), Y(Table.Median(line.Runs[i])));
                    points.Append(CultureInfo.InvariantCulture, $"{x:F1},{y:F1} ");
                    Add($"<line x1=\"{x:F1}\" x2=\"{x:F1}\" y1=\"{Y(line.Runs[i].Min()):F1}\"");
                    Add($" y2=\"{Y(line.Runs[i].Max()):F1}\" stroke=\"{line.Color}\"/>");
                    Add($"<circle cx=\"{x:F1}\" cy=\"{y:F1}\" r=\"4\" fill=\"{line.Color}\"/>");
                }
            }

            string dashes = line.Dashed ? " stroke-dasharray=\"5 4\"" : "";
            Add($"<polyline points=\"{points.ToString().TrimEnd()}\" fill=\"none\" stroke=\"{line.Color}\"");
            Add($" stroke-width=\"2\"{dashes}/>");
        }

        // The names at the lines' ends, from the highest down, pushed apart where they would lie on each other.
        double free = 0;
        foreach ((PlotLine line, double end) in lines.Where(line => line.Runs.Any(runs => runs.Count > 0))
            .Select(line => (line, Y(Table.Median(line.Runs.Last(runs => runs.Count > 0))))).OrderBy(one => one.Item2))
        {
            double y = Math.Max(end, free);
            free = y + Line;
            Add($"<text x=\"{Left + Width + 10}\" y=\"{y + 4:F1}\" fill=\"{line.Color}\">{line.Name}</text>");
        }

        Add($"</svg>");
        return text.ToString();

        double X(double at) => Left + (Width * at);

        double Y(double value) => Top + Height - (Height * value / top);

        void Add(FormattableString one) => text.Append(one.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }
}
