namespace GuestMemFs.Support.Reports;

/// <summary>A table in Markdown, and what its cells are made of.</summary>
public sealed class Table(params string[] head)
{
    private readonly List<string[]> _rows = [];

    public void Add(params string[] cells) => _rows.Add(cells);

    public void Write(TextWriter output)
    {
        Line(head);
        Line([.. head.Select((_, i) => i == 0 ? "---" : "---:")]);
        _rows.ForEach(Line);
        output.WriteLine();

        void Line(string[] cells) => output.WriteLine($"| {string.Join(" | ", cells)} |");
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2]
            : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>The median, and least and most where there are several.</summary>
    public static string Spread(IReadOnlyCollection<double> values, string format) =>
        values.Count == 1
            ? values.First().ToString(format, null)
            : $"{Median(values).ToString(format, null)} " +
                $"({values.Min().ToString(format, null)}–{values.Max().ToString(format, null)})";

    public static string Ratio(double a, double b) => $"{a / b:0.00}";
}
