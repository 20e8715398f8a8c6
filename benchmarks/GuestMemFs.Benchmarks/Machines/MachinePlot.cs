using GuestMemFs.Support.Reports;

namespace GuestMemFs.Benchmarks.Machines;

/// <summary>The pauses as a picture.</summary>
internal static class MachinePlot
{
    public static string Draw(IReadOnlyList<MachineFigures> figures) => LinePlot.Draw(
        "How long a machine stands still while another QEMU takes its place, ms",
        "RAM",
        [.. figures.Select(one => ((double)one.Size / figures[^1].Size, one.Name))],
        [
            new("through a file", "#b5542c",
                [.. figures.Select(one => MachineFigures.Sorted(one.Filed, run => run.Pause))]),
            new("left where it is", "#1f6f8b",
                [.. figures.Select(one => MachineFigures.Sorted(one.Kept, run => run.Pause))]),
        ]);
}
