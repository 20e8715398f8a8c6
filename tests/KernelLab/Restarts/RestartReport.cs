using System.Globalization;
using GuestMemFs.Support.Reports;

namespace GuestMemFs.KernelLab.Restarts;

/// <summary>One way to come back.</summary>
/// <param name="Name">In the table.</param>
/// <param name="Short">In the plot.</param>
/// <param name="Medium">Of the machine that it was measured in.</param>
/// <param name="End">What ended the process before: "killed" or "kexec".</param>
/// <param name="Color">Of its line.</param>
internal sealed record RestartWay(string Name, string Short, string Medium, string End, string Color)
{
    public static IReadOnlyList<RestartWay> All { get; } =
    [
        new("reserved range: guestmemfs module", "guestmemfs", "guestmemfs", "kexec", "#1f6f8b"),
        new("DAX on set-aside memory", "DAX", "dax", "kexec", "#4b8f3a"),
        new("LUO: held memfd, kept by the kernel", "LUO", "memfd", "kexec", "#b5542c"),
        new("fd store: memfd held by `gmfs hold`", "fd store", "memfd", "killed", "#7a4fa0"),
        new("tmpfs", "tmpfs", "tmpfs", "killed", "#8a8a2a"),
    ];
}

/// <summary>The tables and the plot of a run.</summary>
internal sealed class RestartReport(
    IReadOnlyList<long> sizes, IReadOnlyList<RestartFigures> figures, string circumstances)
{
    /// <summary>Where the tables of the last run are.</summary>
    public static readonly string TablesFile = Repository.PathOf("artifacts", "kernel-lab", "restarts.md");

    private static readonly string s_plot = Repository.PathOf("docs", "images", "restarts.svg");
    private static readonly string s_page = Repository.PathOf("docs", "benchmarks.md");

    private const string Begin = "<!-- restarts: written by the command above -->", End = "<!-- /restarts -->";

    /// <summary>
    /// How many times as long the least first answer of a way takes with the most data as with the least.
    /// </summary>
    public double Growth(RestartWay way) => First(way, sizes[^1]).Min() / First(way, sizes[0]).Min();

    public string Tables()
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        string[] names = [.. sizes.Select(RestartOptions.Name)];
        var first = new Table(["start to first right answer, ms", "restarted after", "empty arena", .. names,
            $"{names[^1]} / {names[0]}", "attach, ms"]);
        foreach (RestartWay way in RestartWay.All)
        {
            first.Add([way.Name, way.End == "kexec" ? "kexec" : "SIGKILL; lost in a kexec",
                Spread([.. Of(way).SelectMany(one => one.Empty)]), .. sizes.Select(size => Spread(First(way, size))),
                Ratio(way), Spread([.. Of(way).SelectMany(one => Attached(way, one))], "0.0")]);
        }

        first.Write(text);
        var before = new Table(["on the way there, ms", .. names]);
        Add("guestmemfs: module and mount", "guestmemfs", one => one.Reached);
        Add("DAX: mount of ext4", "dax", one => one.Reached);
        Add("LUO: preserve, before the kexec: the first", "memfd", one => [.. one.Preserved.Take(1)]);
        Add("LUO: preserve, before each further one", "memfd", one => [.. one.Preserved.Skip(1)]);
        Add("LUO: start of `gmfs hold`", "memfd", one => one.HolderStarted);
        Add("LUO: `gmfs luo restore`", "memfd", one => one.Reached);
        before.Write(text);
        text.WriteLine("![the same as a plot](images/restarts.svg)");
        text.WriteLine();
        text.Write(circumstances);
        return text.ToString();

        void Add(string name, string medium, Func<RestartFigures, IReadOnlyList<double>> what) =>
            before.Add([name, .. sizes.Select(size =>
                Spread([.. figures.Where(one => one.Medium == medium && one.Size == size).SelectMany(what)]))]);
    }

    public string Plot() => LinePlot.Draw(
        "Restart to the first right answer under an emulated processor, ms",
        "data",
        [.. sizes.Select((size, i) =>
            (sizes.Count == 1 ? 0.0 : (double)i / (sizes.Count - 1), RestartOptions.Name(size)))],
        [
            .. RestartWay.All.Select(way =>
                new PlotLine(way.Short, way.Color, [.. sizes.Select(size => First(way, size))])),
            new PlotLine("LUO with restore", "#b5542c",
                [.. sizes.Select(size =>
                    (IReadOnlyList<double>)[.. figures.Where(one => one.Medium == "memfd" && one.Size == size)
                        .SelectMany(one => one.FirstWithRestore)])], Dashed: true),
        ]);

    /// <summary>Writes both to the lab's artifacts, and into the documentation where that was asked for.</summary>
    public void Write(bool docs)
    {
        File.WriteAllText(TablesFile, Tables());
        File.WriteAllText(Path.ChangeExtension(TablesFile, ".svg"), Plot());
        if (!docs)
        {
            return;
        }

        string page = File.ReadAllText(s_page);
        int from = page.IndexOf(Begin, StringComparison.Ordinal), to = page.IndexOf(End, StringComparison.Ordinal);
        if (from < 0 || to < from)
        {
            throw new InvalidOperationException($"{s_page} has no place for the tables: between {Begin} and {End}");
        }

        File.WriteAllText(s_page, $"{page[..(from + Begin.Length)]}\n{Tables()}{page[to..]}");
        File.WriteAllText(s_plot, Plot());
    }

    private IEnumerable<RestartFigures> Of(RestartWay way) => figures.Where(one => one.Medium == way.Medium);

    private IReadOnlyList<double> First(RestartWay way, long size) =>
        [.. Of(way).Where(one => one.Size == size).SelectMany(one => one.First(way.End))];

    // The server tells of its attaches in order: those after SIGKILL come first.
    private static IEnumerable<double> Attached(RestartWay way, RestartFigures one) =>
        way.End == "killed" ? one.Attached.Take(one.First("killed").Count)
            : one.Attached.Skip(one.First("killed").Count);

    private string Ratio(RestartWay way) =>
        First(way, sizes[0]).Count > 0 && First(way, sizes[^1]).Count > 0
            ? $"**{Table.Median(First(way, sizes[^1])) / Table.Median(First(way, sizes[0])):0.00}**" : "";

    private static string Spread(IReadOnlyCollection<double> runs, string format = "0") =>
        runs.Count == 0 ? "" : Table.Spread(runs, format);
}
