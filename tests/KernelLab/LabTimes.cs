using System.Globalization;
using GuestMemFs.KernelLab.Machines;

namespace GuestMemFs.KernelLab;

/// <summary>Each scenario with its time, printed at the end. Thread-safe.</summary>
internal static class LabTimes
{
    private static readonly Lock s_lock = new();
    private static readonly List<(string Name, Transcript Run)> s_runs = [];

    public static void Add(string name, Transcript run)
    {
        lock (s_lock)
        {
            s_runs.Add((name, run));
        }
    }

    public static void Print(TextWriter to)
    {
        lock (s_lock)
        {
            foreach ((string name, Transcript run) in s_runs)
            {
                string tripped = run.EmulatorTripped ? ", tripped over a breakpoint that was gone" : "";
                to.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"lab    {run.Duration.TotalSeconds,6:0.0} s  {name}: {run.Times()}{tripped}"));
            }
        }
    }
}
