using System.Diagnostics;
using System.Globalization;
using GuestMemFs.ScheduleLab.Running;

namespace GuestMemFs.ScheduleLab;

/// <summary>
/// The long profile: <c>ScheduleLab long [MINUTES] [SEED] [--state FILE]</c>. Rounds in turn, each with the next seed;
/// a state file is gone on from. The last line is the verdict.
/// </summary>
internal static class LongRun
{
    private const int ScenariosARound = 64;

    public static int Run(string[] arguments)
    {
        int at = Array.IndexOf(arguments, "--state");
        string? file = at >= 0 && at + 1 < arguments.Length ? arguments[at + 1] : null;
        string[] plain = [.. arguments.TakeWhile(argument => !argument.StartsWith("--", StringComparison.Ordinal))];
        double minutes = plain.Length > 0 ? double.Parse(plain[0], CultureInfo.InvariantCulture) : 60;
        int seed = file is not null && File.Exists(file) ? int.Parse(File.ReadAllText(file),
            CultureInfo.InvariantCulture)
            : plain.Length > 1 ? int.Parse(plain[1], CultureInfo.InvariantCulture) : 1;
        Stopwatch watch = Stopwatch.StartNew();
        int rounds = 0;
        do
        {
            IReadOnlyList<Finding> findings = Round(seed);
            if (findings.Count > 0)
            {
                Console.WriteLine(string.Join("\n\n", findings));
                LabCounts.Print(Console.Out);
                Console.WriteLine($"FAILED in the round of seed {seed}; again: ScheduleLab long 0 {seed}");
                return 1;
            }

            seed++;
            rounds++;
            if (file is not null)
            {
                File.WriteAllText(file + ".new", seed.ToString(CultureInfo.InvariantCulture));
                File.Move(file + ".new", file, overwrite: true);
            }
        }
        while (watch.Elapsed.TotalMinutes < minutes);
        LabCounts.Print(Console.Out);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"passed: {rounds} rounds, {watch.Elapsed.TotalMinutes:F1} minutes this time; next seed {seed}"));
        return 0;
    }

    /// <summary>One round: what it does follows from its seed alone.</summary>
    private static IReadOnlyList<Finding> Round(int seed)
    {
        Scenario[] pairs = [.. Scenario.AllPairs().Where(pair =>
            !KnownFinds.Covers(pair))];
        int chunks = (pairs.Length + ScenariosARound - 1) / ScenariosARound;
        Scenario[] chunk = pairs.Chunk(ScenariosARound).ElementAt((seed & int.MaxValue) / 4 % chunks);
        Random random = new(seed);
        Scenario[] triples =
            [.. Enumerable.Range(0, 200).Select(_ => Scenario.Triple(random)).Where(triple =>
                !KnownFinds.Covers(triple))];
        return (seed & 3) switch
        {
            0 => Sweep.Run("two preemptions", chunk, i => new Explorer(i) { Crashes = false }, (explorer, pair) =>
                explorer.Exhaust(pair, 2)),
            1 => Sweep.Run("triples", triples, i => new Explorer(i), (explorer, triple) =>
                explorer.Chance(triple, seed, 100)),
            2 => Sweep.Run("crashes", chunk, i => new Explorer(i), (explorer, pair) => explorer.Exhaust(pair, 1)),
            _ => Sweep.Run("weak order", chunk, i => new Explorer(i) { Weak = true }, (explorer, pair) =>
                explorer.Exhaust(pair, 0)),
        };
    }
}
