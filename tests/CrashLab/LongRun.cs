using System.Diagnostics;
using System.Globalization;

namespace GuestMemFs.CrashLab;

/// <summary>
/// A part of the long profile: one round of it, all of it drawn from a seed. Throws where something is wrong.
/// </summary>
internal sealed record LongRound(string Name, Action<int> Run);

/// <summary>
/// The long profile: rounds of all parts in turn, each with the next seed, for as long as is asked for. <c>CrashLab
/// long [MINUTES] [SEED] [--state FILE] [--round NAME]</c>: a state file is gone on from and kept up to date; progress
/// is told every minute; the last line is the verdict, on a failure with the seed and the round that show it again.
/// </summary>
internal static class LongRun
{
    /// <summary>What the rounds take turns in. A new part of the lab goes here.</summary>
    public static IReadOnlyList<LongRound> Rounds { get; } =
    [
        new("dictionary", seed => RandomRun(seed, 200)),
        new("dictionary-machine", seed => Machine.Check(1, 200, seed, StateMachineTests.RunDictionary,
            number => DictionaryCrashTests.RandomOperation(new Random(number)).Name)),
        new("dictionary-power", seed => PowerRun(seed, 60)),
        new("sorted-map", seed => SortedMapCrashTests.Round(seed, powerLoss: false, 200)),
        new("sorted-map-power", seed => SortedMapCrashTests.Round(seed, powerLoss: true, 60)),
        new("log", seed => LogCrashTests.Round(seed, powerLoss: false, 200)),
        new("log-power", seed => LogCrashTests.Round(seed, powerLoss: true, 60)),
        new("nested", seed => NestedCrashTests.Round(seed, powerLoss: false, 200)),
        new("nested-power", seed => NestedCrashTests.Round(seed, powerLoss: true, 60)),
        new("objects", seed => ObjectCrashTests.Round(seed, powerLoss: false, 200)),
        new("objects-power", seed => ObjectCrashTests.Round(seed, powerLoss: true, 60)),
        new("tables", seed => TableCrashTests.Round(seed, powerLoss: false, 12)),
        new("tables-power", seed => TableCrashTests.Round(seed, powerLoss: true, 12)),
        .. ElementCrashTests.Rounds,
        new("arena", seed => Arena(seed, WorldKind.Kind, powerLoss: false)),
        new("arena-strict", seed => Arena(seed, WorldKind.Strict, powerLoss: false)),
        new("arena-older-life", seed => Arena(seed, WorldKind.OlderLife, powerLoss: false)),
        new("arena-sequences", ArenaCrashTests.Round),
        new("arena-power", seed => Arena(seed, WorldKind.Kind, powerLoss: true)),
        new("damage", seed => Damage.DamageTests.Round(seed)),
        new("damage-large", seed => Damage.DamageTests.LargeRound(seed)),
        new("fuzzing", seed => LabCounts.Add(LabCounts.FuzzInputs, "format",
            Fuzzing.FormatFuzzTests.Round(seed, 1_000_000))),
    ];

    public static int Run(string[] arguments)
    {
        string? Option(string name) => Array.IndexOf(arguments, name) is >= 0 and int at && at + 1 < arguments.Length
            ? arguments[at + 1] : null;
        string[] plain = [.. arguments.TakeWhile(argument => !argument.StartsWith("--", StringComparison.Ordinal))];
        double minutes = plain.Length > 0 ? double.Parse(plain[0], CultureInfo.InvariantCulture) : 60;
        LongState state = LongState.Load(Option("--state"),
            plain.Length > 1 ? int.Parse(plain[1], CultureInfo.InvariantCulture) : null);
        LongRound[] rounds = Option("--round") is { } only ? [.. Rounds.Where(round => round.Name == only)]
            : [.. Rounds];
        if (rounds.Length == 0)
        {
            Console.Error.WriteLine(
                $"There is no such round; there are {string.Join(", ", Rounds.Select(round => round.Name))}.");
            return 2;
        }

        Console.WriteLine($"{rounds.Length} kinds of rounds, from seed {state.NextSeed} on, for {minutes} minutes");
        Stopwatch watch = Stopwatch.StartNew();
        TimeSpan told = TimeSpan.Zero;
        do
        {
            LongRound round = rounds[(state.NextSeed & int.MaxValue) % rounds.Length];
            try
            {
                round.Run(state.NextSeed);
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                Console.WriteLine(error.Message);
                LabCounts.Print(Console.Out);
                Console.WriteLine($"FAILED in round '{round.Name}' after {state.Rounds} rounds; again: CrashLab long " +
                    $"0 {state.NextSeed} --round {round.Name}");
                return 1;
            }

            state.Done();
            if (watch.Elapsed - told > TimeSpan.FromMinutes(1))
            {
                told = watch.Elapsed;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{told.TotalMinutes:F0} min: {state.Rounds} rounds, {LabCounts.Of(LabCounts.CrashStates):N0} " +
                    $"crash states; next seed {state.NextSeed}"));
            }
        }
        while (watch.Elapsed.TotalMinutes < minutes);

        LabCounts.Print(Console.Out);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"passed: {state.Rounds} rounds, {LabCounts.Of(LabCounts.CrashStates):N0} crash " +
            $"states, {watch.Elapsed.TotalMinutes:F1} minutes this time; next seed {state.NextSeed}"));
        return 0;
    }

    /// <summary>One random run: beginning, operations and depth all from the seed.</summary>
    public static void RandomRun(int seed, int operations)
    {
        Random random = new(seed);
        using DictionaryLab lab = new(4 << 20, "dictionary random runs") { Reorder = random };
        DictionaryCrashTests.Begin(lab, Any(random, DictionaryCrashTests.BeginningNames));
        lab.Wander(random, operations, () => DictionaryCrashTests.RandomOperation(random));
    }

    /// <summary>
    /// One random run under losses of power: each operation begins with what the one before it had not made durable.
    /// </summary>
    public static void PowerRun(int seed, int operations)
    {
        Random random = new(seed);
        using DictionaryLab lab = new(4 << 20, "dictionary, power loss") { PowerLoss = random };
        DictionaryCrashTests.Begin(lab, Any(random, DictionaryCrashTests.BeginningNames));
        lab.Wander(random, operations, () => DictionaryCrashTests.RandomOperation(random));
    }

    /// <summary>One of them.</summary>
    public static T Any<T>(Random random, IReadOnlyList<T> of) => of[random.Next(of.Count)];

    private static void Arena(int seed, WorldKind kind, bool powerLoss) => Machine.Check(1, powerLoss ? 100 : 200, seed,
        steps => StateMachineTests.RunArena(steps, kind, powerLoss), StateMachineTests.NameOfArena);
}

/// <summary>Where a long run is: so that it can be stopped at any time and gone on with.</summary>
internal sealed class LongState(string? file, int nextSeed)
{
    private readonly Stopwatch _sinceSave = Stopwatch.StartNew();

    public int NextSeed { get; private set; } = nextSeed;

    public int Rounds { get; private set; }

    /// <summary>Reads a file, where there is one; its counts are added to this process's.</summary>
    public static LongState Load(string? file, int? seed)
    {
        Dictionary<string, long> saved = file is not null && File.Exists(file)
            ? File.ReadLines(file).Select(line => line.Split('=')).ToDictionary(parts => parts[0],
                parts => long.Parse(parts[1], CultureInfo.InvariantCulture), StringComparer.Ordinal)
            : [];
        LongState state = new(file, seed ?? (int)saved.GetValueOrDefault("next seed",
            Random.Shared.Next(1_000_000_000))) { Rounds = (int)saved.GetValueOrDefault("rounds") };
        foreach ((string name, long count) in saved)
        {
            if (name.IndexOf(": ", StringComparison.Ordinal) is > 0 and int colon)
            {
                LabCounts.Add(name[..colon], name[(colon + 2)..], count);
            }
        }

        return state;
    }

    /// <summary>A round is done; the file says so a second later at most, and is whole at any time.</summary>
    public void Done()
    {
        NextSeed++;
        Rounds++;
        if (file is null || _sinceSave.ElapsedMilliseconds < 1000)
        {
            return;
        }

        _sinceSave.Restart();
        File.WriteAllLines(file + ".new", [$"next seed={NextSeed}", $"rounds={Rounds}",
            .. LabCounts.All().Select(counter => $"{counter.Name}={counter.Count}")]);
        File.Move(file + ".new", file, overwrite: true);
    }
}
