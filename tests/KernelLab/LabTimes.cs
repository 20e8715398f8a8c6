using System.Globalization;
using GuestMemFs.KernelLab.Machines;

namespace GuestMemFs.KernelLab;

/// <summary>Each scenario with its time, printed at the end. Thread-safe.</summary>
internal static class LabTimes
{
    private static readonly Lock s_lock = new();
    private static readonly List<(string Name, Transcript Run)> s_runs = [];
    private static readonly List<string> s_notes = [];

    public static void Add(string name, Transcript run)
    {
        lock (s_lock)
        {
            s_runs.Add((name, run));
        }
    }

    /// <summary>Something about all of them that is to be seen.</summary>
    public static void Note(string line)
    {
        lock (s_lock)
        {
            s_notes.Add(line);
        }
    }

    public static void Print(TextWriter to)
    {
        lock (s_lock)
        {
            s_notes.ForEach(note => to.WriteLine($"lab    {note}"));
            foreach ((string name, Transcript run) in s_runs)
            {
                string tripped = run.EmulatorTripped ? ", tripped over a breakpoint that was gone" : "";
                to.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"lab    {run.Duration.TotalSeconds,6:0.0} s  {name}: {run.Times()}{tripped}"));
            }
        }
    }
}
