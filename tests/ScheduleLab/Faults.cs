using System.Globalization;
using GuestMemFs.ScheduleLab.Running;
using GuestMemFs.ScheduleLab.Seam;

namespace GuestMemFs.ScheduleLab;

/// <summary>
/// Explores with one deliberate fault after the other. It is a child process of the tests: a fault may end it with a
/// segmentation fault, and that is as good a way as any of being caught.
/// </summary>
internal static class Faults
{
    /// <summary>What is explored for each fault: all pairs up to one preemption with crashes, deaths under readers,
    /// then with two preemptions, then with a weak order.</summary>
    private static readonly (string Name, Func<IEnumerable<Scenario>> Scenarios, Func<Explorer, Scenario,
        Finding?> Explore)[] s_stages =
    [
        ("one preemption", Scenario.Pairs, (explorer, pair) =>
            With(explorer, crashes: false, weak: false).Exhaust(pair, 1)),
        ("crashes", () => Scenario.Pairs().Where(
            pair => pair.Beginning.Name is "one" or "overflow" or "about-to-split"), (explorer, pair) =>
                With(explorer, crashes: true, weak: false).Exhaust(pair, 0)),
        ("weak order", () => Scenario.Pairs().Where(pair => pair.Beginning.Name is "one" or "overflow"), (explorer,
            pair) => With(explorer, crashes: true, weak: true).Exhaust(pair, 0)),
        ("deaths", () => Scenario.Deaths().Where(pair => pair.Beginning.Name is "one" or "big"), (explorer, pair) =>
            With(explorer, crashes: false, weak: false).Deaths(pair)),
        ("groups of two, and one that waits", () => [Scenario.Parse("empty/add+group-back+group"),
            Scenario.Parse("half-doubled/group-back+increment+group-back")], (explorer, triple) =>
            With(explorer, crashes: false, weak: false).Chance(triple, 1, 5_000)),
        ("two preemptions", Scenario.Pairs, (explorer, pair) =>
            With(explorer, crashes: false, weak: false).Exhaust(pair, 2)),
    ];

    /// <summary>For the command line: names of faults, or none for all. Prints one line each.</summary>
    public static int Run(string[] names)
    {
        int missed = 0;
        foreach (string name in names.Length > 0 ? names : Rewriting.Faults)
        {
            System.Diagnostics.Stopwatch watch = System.Diagnostics.Stopwatch.StartNew();
            Console.WriteLine($"begin {name}");
            Console.Out.Flush();
            Finding? finding = Find(Array.IndexOf(Rewriting.Faults, name) + 1, out string stage);
            missed += finding is null ? 1 : 0;
            string outcome = finding is null
                ? "missed"
                : $"caught by {stage} in {finding.Scenario.Name}: {finding.What.ReplaceLineEndings(" ")}";
            string seconds = watch.Elapsed.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture);
            Console.WriteLine($"{outcome} ({seconds} s)");
            Console.Out.Flush();
        }

        return missed;
    }

    private static Finding? Find(int fault, out string stage)
    {
        Finding? found = null;
        stage = "";
        foreach ((string name, Func<IEnumerable<Scenario>> scenarios, Func<Explorer, Scenario,
            Finding?> explore) in s_stages)
        {
            Seeded.Active = fault;
            IReadOnlyList<Finding> findings = Sweep.Run("seeded faults", scenarios().Where(pair =>
                !KnownFinds.Covers(pair)), i => new Explorer(i), (explorer, pair) =>
            {
                if (System.Threading.Volatile.Read(ref found) is null && explore(explorer, pair) is { } finding)
                {
                    System.Threading.Volatile.Write(ref found, finding);
                    return finding;
                }

                return null;
            });
            Seeded.Active = 0;
            if (findings.Count > 0)
            {
                stage = name;
                return findings[0];
            }
        }

        return null;
    }

    private static Explorer With(Explorer explorer, bool crashes, bool weak)
    {
        (explorer.Crashes, explorer.Weak) = (crashes, weak);
        return explorer;
    }
}
