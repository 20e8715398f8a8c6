using System.Diagnostics;
using System.Globalization;

namespace GuestMemFs.Mutants;

/// <summary>
/// What a process and its children have used, from <c>/proc</c>: a machine that is busy with other work must not look
/// like a program that does not end.
/// </summary>
internal sealed class ProcessTree(int root)
{
    private static readonly TimeSpan s_stillFor = TimeSpan.FromSeconds(60);
    private const double StillUses = 1.0;

    private readonly Dictionary<int, double> _used = [];
    private double _usedThen;
    private long _since = Stopwatch.GetTimestamp();

    /// <summary>Processor time of all that were seen, in seconds.</summary>
    public double Used => _used.Values.Sum();

    /// <summary>True where for a minute nothing of it wanted to run: it waits for nobody.</summary>
    public bool IsStuck => Stopwatch.GetElapsedTime(_since) > s_stillFor;

    /// <summary>Looks once; more often than children come and go.</summary>
    public void Look()
    {
        Dictionary<int, (int Parent, double Used)> all = [];
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out int process)
                && Fields(Path.Combine(folder, "stat")) is { } fields)
            {
                all[process] = (int.Parse(fields[1], CultureInfo.InvariantCulture), Seconds(fields));
            }
        }

        bool wantsToRun = false;
        foreach ((int process, (int _, double used)) in all.Where(one => IsOfTree(one.Key, all)))
        {
            _used[process] = used;
            wantsToRun |= HasRunnable(process);
        }

        if (wantsToRun || Used > _usedThen + StillUses)
        {
            (_usedThen, _since) = (Used, Stopwatch.GetTimestamp());
        }
    }

    private bool IsOfTree(int process, Dictionary<int, (int Parent, double Used)> all)
    {
        while (process != root && all.TryGetValue(process, out var known))
        {
            process = known.Parent;
        }

        return process == root;
    }

    private static bool HasRunnable(int process)
    {
        try
        {
            return Directory.EnumerateDirectories($"/proc/{process}/task").Any(task =>
                Fields(Path.Combine(task, "stat")) is ["R" or "D", ..]);
        }
        catch (IOException)
        {
            return false; // it has ended meanwhile
        }
    }

    // User and system time are the 14th and 15th field: 11 and 12 from the state on. In hundredths of a second.
    private static double Seconds(string[] fields) =>
        (double.Parse(fields[11], CultureInfo.InvariantCulture)
            + double.Parse(fields[12], CultureInfo.InvariantCulture)) / 100;

    // From the state on: the name before it may hold anything.
    private static string[]? Fields(string path)
    {
        try
        {
            string text = File.ReadAllText(path);
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null; // it has ended meanwhile
        }
    }
}
