using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using GuestMemFs.ScheduleLab.Running;

namespace GuestMemFs.ScheduleLab;

/// <summary>Explores many scenarios, an explorer a processor.</summary>
internal static class Sweep
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <summary>Explores each, and gives what was found.</summary>
    public static IReadOnlyList<Finding> Run(string part, IEnumerable<Scenario> scenarios, Func<int, Explorer> make,
        Func<Explorer, Scenario, Finding?> explore)
    {
        ConcurrentQueue<Scenario> left = new(scenarios);
        ConcurrentBag<Finding> findings = [];
        Scenario?[] current = new Scenario?[Environment.ProcessorCount];
        Thread[] threads = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(i => new Thread(() =>
        {
            using Explorer explorer = make(i);
            while (left.TryDequeue(out Scenario? scenario))
            {
                current[i] = scenario;
                if (explore(explorer, scenario) is { } finding)
                {
                    findings.Add(finding);
                }
            }

            LabCounts.Add("schedules", part, explorer.Schedules);
            LabCounts.Add(LabCounts.CrashStates, part, explorer.CrashStates);
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Watch(threads, current);
        return [.. findings.OrderBy(finding => finding.Scenario.Name, StringComparer.Ordinal)];
    }

    // A thread that runs in a circle, without a point, never comes back: there is nothing to be done but to say so and
    // end the process.
    private static void Watch(Thread[] threads, Scenario?[] current)
    {
        long[] seen = new long[1];
        Stopwatch still = Stopwatch.StartNew();
        foreach (Thread thread in threads)
        {
            while (!thread.Join(1_000))
            {
                if (seen[0] != Explorer.Begun)
                {
                    seen[0] = Explorer.Begun;
                    still.Restart();
                }
                else if (still.Elapsed > s_patience)
                {
                    string names = string.Join(" or ", current.OfType<Scenario>());
                    Console.WriteLine($"caught by the watch: a schedule does not end, of {names}");
                    Console.Out.Flush();
                    Environment.Exit(3);
                }
            }
        }
    }

    /// <summary>
    /// For the command line: pairs [PREEMPTIONS] [TEXT in the name, or several with commas] [crashes | weak | deaths].
    /// </summary>
    public static int Pairs(string[] arguments)
    {
        int preemptions = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 2;
        string[] texts = arguments.Length > 1 ? arguments[1].Split(',') : [""];
        Stopwatch watch = Stopwatch.StartNew();
        bool deaths = arguments.Contains("deaths"), weak = arguments.Contains("weak");
        IReadOnlyList<Finding> findings = Run(
            "pairs",
            (deaths ? Scenario.Deaths().Concat(SortedScenarios.Deaths()).Concat(LogScenarios.Deaths())
                .Concat(ElementScenarios.Deaths()).Concat(SnapshotScenarios.Deaths())
                : Scenario.AllPairs()).Where(pair =>
                texts.Any(text => pair.Name.Contains(text, StringComparison.Ordinal))),
            i => new Explorer(i) { Crashes = weak || arguments.Contains("crashes"), Weak = weak },
            (explorer, pair) => deaths ? explorer.Deaths(pair) : explorer.Exhaust(pair, preemptions));
        foreach (Finding finding in findings)
        {
            Console.WriteLine(finding);
        }

        LabCounts.Print(Console.Out);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{findings.Count} findings, {watch.Elapsed.TotalSeconds:F1} s"));
        return findings.Count == 0 ? 0 : 1;
    }
}
