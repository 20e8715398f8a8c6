using System.Globalization;
using GuestMemFs.ScheduleLab.Running;
using GuestMemFs.ScheduleLab.Seam;
using Stopwatch = System.Diagnostics.Stopwatch;
using Volatile = System.Threading.Volatile;

namespace GuestMemFs.ScheduleLab;

/// <summary>
/// Explores with one deliberate fault after the other. It is a child process of the tests: a fault may end it with a
/// segmentation fault, and that is as good a way as any of being caught.
/// </summary>
internal static class Faults
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(45);

    /// <summary>What a hunt explores for a fault whose place is not known, the cheap stages first.</summary>
    private static readonly (Look Look, Func<IEnumerable<Scenario>> Scenarios)[] s_hunt =
    [
        (Look.OnePreemption, () => Scenario.Specials().Select(special => special.Scenario)),
        (Look.Crashes, () => PairsOf("one", "overflow", "about-to-split")),
        (Look.OnePreemption, Scenario.Pairs),
        (Look.Deaths, () => Scenario.Deaths().Where(pair => pair.Beginning.Name is "one" or "big" or "overflow")),
        (Look.Weak, () => PairsOf("one", "overflow")),
        (Look.Chance, () => [Scenario.Parse("empty/add+group-back+group"),
            Scenario.Parse("half-doubled/group-back+increment+group-back")]),
        (Look.TwoPreemptions, () => Scenario.Specials().Where(special => special.Preemptions == 2).Select(special =>
            special.Scenario)),
        (Look.CrashesUnderOnePreemption, () => PairsOf("one", "overflow", "garbage", "about-to-split")),
        (Look.TwoPreemptions, () => PairsOf("one", "overflow", "expiring", "garbage", "about-to-split")),
    ];

    private static IEnumerable<Scenario> PairsOf(params string[] beginnings) =>
        Scenario.Pairs().Where(pair => beginnings.Contains(pair.Beginning.Name));

    /// <summary>For the command line: names of faults, or none for all whose place is known. Prints two lines
    /// each.</summary>
    public static int Run(string[] names)
    {
        foreach (string name in names.Length > 0 ? names : FaultPlaces.All.Keys)
        {
            if (!FaultPlaces.All.TryGetValue(name, out FaultPlace? place))
            {
                Console.WriteLine($"{name} has no place where it is seen: ScheduleLab hunt {name}");
                return 2;
            }

            Report(name, () => Find(name, place.Look, place.Scenarios.Select(Scenario.Parse), TimeSpan.MaxValue));
        }

        return s_missed;
    }

    /// <summary>For the command line: looks everywhere, a bounded time at each stage.</summary>
    public static int Hunt(string[] names)
    {
        foreach (string name in names)
        {
            Report(name, () => s_hunt.Select(stage => Find(name, stage.Look, stage.Scenarios(), s_patience))
                .FirstOrDefault(found => found is not null));
        }

        return s_missed;
    }

    /// <summary>For the command line: one look for one fault, at scenarios by their names ("one/get+set") or by a part
    /// of them.</summary>
    public static int LookAt(Look look, string fault, string[] scenarios)
    {
        Report(fault, () => Find(fault, look, scenarios.SelectMany(Named), TimeSpan.MaxValue));
        return s_missed;
    }

    private static IEnumerable<Scenario> Named(string name) => name.Contains('/', StringComparison.Ordinal)
        ? [Scenario.Parse(name)]
        : Scenario.AllPairs().Where(scenario =>
            scenario.Name.Contains(name, StringComparison.Ordinal));

    private static int s_missed;

    private static void Report(string name, Func<string?> find)
    {
        Stopwatch watch = Stopwatch.StartNew();
        Console.WriteLine($"begin {name}");
        Console.Out.Flush();
        string? found = find();
        s_missed += found is null ? 1 : 0;
        string seconds = watch.Elapsed.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture);
        Console.WriteLine($"{(found is null ? "missed" : "caught by " + found)} ({seconds} s)");
        Console.Out.Flush();
    }

    private static string? Find(string fault, Look look, IEnumerable<Scenario> scenarios, TimeSpan patience)
    {
        Finding? found = null;
        Stopwatch watch = Stopwatch.StartNew();
        Seeded.Active = Array.IndexOf(Rewriting.Faults, fault) + 1;
        if (Seeded.Active == 0)
        {
            throw new ArgumentException($"There is no fault {fault} in Rewrites.txt.", nameof(fault));
        }

        _ = Sweep.Run("seeded faults", scenarios.Where(pair => !KnownFinds.Covers(pair)), i =>
            new Explorer(i) { Enough = () => watch.Elapsed > patience || Volatile.Read(ref found) is not null },
            (explorer, scenario) =>
        {
            if (!explorer.Enough() && Explore(explorer, look, scenario) is { } finding)
            {
                Volatile.Write(ref found, finding);
            }

            return null;
        });
        Seeded.Active = 0;
        return found is null ? null : $"{look} in {found.Again}: {found.What.ReplaceLineEndings(" ")}";
    }

    private static Finding? Explore(Explorer explorer, Look look, Scenario scenario)
    {
        explorer.Weak = look == Look.Weak;
        explorer.Crashes = look is Look.Weak or Look.Crashes or Look.CrashesUnderOnePreemption;
        return look switch
        {
            Look.Deaths => explorer.Deaths(scenario),
            Look.Chance => explorer.Chance(scenario, 1, 20_000),
            Look.OnePreemption or Look.CrashesUnderOnePreemption => explorer.Exhaust(scenario, 1),
            Look.TwoPreemptions => explorer.Exhaust(scenario, 2),
            Look.ThreePreemptions => explorer.Exhaust(scenario, 3),
            _ => explorer.Exhaust(scenario, 0),
        };
    }
}
