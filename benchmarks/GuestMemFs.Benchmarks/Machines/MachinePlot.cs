using System.Globalization;
using System.Text;

namespace GuestMemFs.Benchmarks.Machines;

/// <summary>The figures as a picture that needs nothing else: a line for each way, a stroke from the least to the most.</summary>
internal static class MachinePlot
{
    private const int Left = 70, Top = 50, Width = 520, Height = 260;

    public static string Draw(IReadOnlyList<MachineFigures> figures)
    {
        double most = figures.Max(one => MachineFigures.Sorted(one.Filed, run => run.Pause)[^1]);
        double step = Math.Pow(10, Math.Floor(Math.Log10(most)));
        step = most / step < 2 ? step / 4 : most / step < 5 ? step / 2 : step;
        double top = Math.Ceiling(most / step) * step;
        double largest = figures[^1].Size;
        var text = new StringBuilder();
        Add($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Left + Width + 130} {Top + Height + 60}\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#333\">");
        Add($"<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>");
        Add($"<text x=\"{Left}\" y=\"24\" font-size=\"15\">How long a machine stands still while another QEMU takes its place, ms</text>");
        for (double at = 0; at <= top + (step / 2); at += step)
        {
            Add($"<line x1=\"{Left}\" x2=\"{Left + Width}\" y1=\"{Y(at):F1}\" y2=\"{Y(at):F1}\" stroke=\"#ddd\"/><text x=\"{Left - 8}\" y=\"{Y(at) + 4:F1}\" text-anchor=\"end\">{at:F0}</text>");
        }

        foreach (MachineFigures one in figures)
        {
            Add($"<text x=\"{X(one.Size):F1}\" y=\"{Top + Height + 20}\" text-anchor=\"middle\">{one.Name}</text>");
        }

        Add($"<text x=\"{Left + (Width / 2)}\" y=\"{Top + Height + 44}\" text-anchor=\"middle\">RAM</text>");
        Line("through a file", "#b5542c", one => one.Filed);
        Line("left where it is", "#1f6f8b", one => one.Kept);
        Add($"</svg>");
        return text.ToString();

        double X(double size) => Left + (Width * size / largest);

        double Y(double pause) => Top + Height - (Height * pause / top);

        void Line(string name, string color, Func<MachineFigures, IReadOnlyList<Replacement>> runs)
        {
            double last = 0;
            var points = new StringBuilder();
            foreach (MachineFigures one in figures)
            {
                double[] sorted = MachineFigures.Sorted(runs(one), run => run.Pause);
                last = sorted[sorted.Length / 2];
                points.Append(CultureInfo.InvariantCulture, $"{X(one.Size):F1},{Y(last):F1} ");
                Add($"<line x1=\"{X(one.Size):F1}\" x2=\"{X(one.Size):F1}\" y1=\"{Y(sorted[0]):F1}\" y2=\"{Y(sorted[^1]):F1}\" stroke=\"{color}\"/><circle cx=\"{X(one.Size):F1}\" cy=\"{Y(last):F1}\" r=\"4\" fill=\"{color}\"/>");
            }

            Add($"<polyline points=\"{points.ToString().TrimEnd()}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>");
            Add($"<text x=\"{Left + Width + 10}\" y=\"{Y(last) + 4:F1}\" fill=\"{color}\">{name}</text>");
        }

        void Add(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }
}
