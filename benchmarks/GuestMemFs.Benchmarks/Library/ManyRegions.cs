using System.Diagnostics;
using System.Globalization;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>
/// Opens an arena of 10,000 regions, each time in a process of its own: what a restart costs, compilation included.
/// </summary>
internal static class ManyRegions
{
    private const int Regions = 10_000;
    private const int Rounds = 7;

    public static void Run(TextWriter output)
    {
        foreach (int regions in (int[])[1, Regions])
        {
            string directory = Directory.CreateDirectory(Path.Combine(Settings.Parent,
                $"gmf-benchmarks-{Environment.ProcessId}-{Guid.NewGuid():N}")).FullName;
            try
            {
                var options = new RegionOptions { Reserve = RegionReserve.OnDemand, MaximumLength = 4L << 20 };
                using (PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = directory }))
                {
                    for (int i = 0; i < regions; i++)
                    {
                        arena.CreateRegion(string.Create(CultureInfo.InvariantCulture, $"region-{i}"), 2L << 20,
                            options).Dispose();
                    }
                }

                double[] times = [.. Enumerable.Range(0, Rounds).Select(_ => InProcess(directory)).Order()];
                output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{regions} regions opened in {times[Rounds / 2]:F1} ms ({times[0]:F1} to {times[^1]:F1}), each " +
                    $"time in a new process"));
            }
            finally
            {
                Directory.Delete(directory, recursive: true);
            }
        }
    }

    /// <summary>What the new process does.</summary>
    public static void Open(string directory, TextWriter output)
    {
        long start = Stopwatch.GetTimestamp();
        using PersistentArena arena = PersistentArena.Open(new ArenaOptions { Directory = directory });
        output.WriteLine(Stopwatch.GetElapsedTime(start).TotalMilliseconds.ToString(CultureInfo.InvariantCulture));
    }

    private static double InProcess(string directory)
    {
        using Process process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!,
            ["regions", directory]) { RedirectStandardOutput = true })!;
        double time = double.Parse(process.StandardOutput.ReadToEnd(), CultureInfo.InvariantCulture);
        process.WaitForExit();
        return time;
    }
}
