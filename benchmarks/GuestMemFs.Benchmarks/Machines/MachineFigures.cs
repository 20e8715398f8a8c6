using System.Globalization;

namespace GuestMemFs.Benchmarks.Machines;

/// <summary>One replacement of a machine's QEMU.</summary>
/// <param name="Saved">From the machine's stop to its being saved.</param>
/// <param name="Pause">From its stop until it runs again.</param>
/// <param name="State">Bytes that were written and read.</param>
internal sealed record Replacement(TimeSpan Saved, TimeSpan Pause, long State);

/// <summary>All of a size.</summary>
/// <param name="Size">Bytes of RAM.</param>
/// <param name="Kept">RAM left where it is.</param>
/// <param name="Filed">RAM through a file.</param>
internal sealed record MachineFigures(long Size, IReadOnlyList<Replacement> Kept, IReadOnlyList<Replacement> Filed)
{
    /// <summary>The size, for people.</summary>
    public string Name => Size >= 1L << 30 ? string.Create(CultureInfo.InvariantCulture, $"{Size >> 30} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{Size >> 20} MiB");

    public static void Write(IReadOnlyList<MachineFigures> figures, TextWriter output)
    {
        output.WriteLine("| RAM | pause, ms: RAM left where it is | through a file | file / left | saved, ms | " +
            "through a file | written, MiB | through a file |");
        output.WriteLine("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (MachineFigures one in figures)
        {
            double kept = Median(one.Kept, run => run.Pause), filed = Median(one.Filed, run => run.Pause);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {one.Name} | {Text(one.Kept, run => run.Pause)} | {Text(one.Filed, run => run.Pause)} | " +
                $"**{filed / kept:F1}** | {Median(one.Kept, run => run.Saved):F0} " +
                $"| {Median(one.Filed, run => run.Saved):F0} | {one.Kept[0].State / 1048576.0:F1} " +
                $"| {one.Filed[0].State / 1048576.0:F0} |"));
        }

        double keptTimes = Median(figures[^1].Kept, run => run.Pause) / Median(figures[0].Kept, run => run.Pause);
        double filedTimes = Median(figures[^1].Filed, run => run.Pause) / Median(figures[0].Filed, run => run.Pause);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"The pause with {figures[^1].Name} is " +
            $"{keptTimes:F2} times that with {figures[0].Name}; through a file, {filedTimes:F2} times."));
    }

    /// <summary>In milliseconds.</summary>
    public static double Median(IReadOnlyList<Replacement> runs, Func<Replacement, TimeSpan> what) =>
        Sorted(runs, what)[runs.Count / 2];

    /// <summary>In milliseconds, from the least to the most.</summary>
    public static double[] Sorted(IReadOnlyList<Replacement> runs, Func<Replacement, TimeSpan> what) =>
        [.. runs.Select(run => what(run).TotalMilliseconds).Order()];

    private static string Text(IReadOnlyList<Replacement> runs, Func<Replacement, TimeSpan> what)
    {
        double[] sorted = Sorted(runs, what);
        return string.Create(CultureInfo.InvariantCulture,
            $"{sorted[sorted.Length / 2]:F0} ({sorted[0]:F0}–{sorted[^1]:F0})");
    }
}
