using FsCheck;
using FsCheck.Fluent;
using static GuestMemFs.CrashLab.ArenaOperation;

namespace GuestMemFs.CrashLab;

/// <summary>
/// State-machine runs of hundreds of operations, drawn and shrunk by FsCheck: what fails is told as the shortest list
/// of operations that still does, with the store that it died after and the seed.
/// </summary>
public sealed class StateMachineTests
{
    private const long MiB = 1 << 20;

    private static readonly ArenaOperation[] s_arena =
    [
        .. ArenaCrashTests.Alphabet, Delete("h"), Delete("v"), Delete("c"), Rename("c", "a"), Grow("b", 2 * MiB),
        Grow("v", 3 * MiB), Create("c", 5 * MiB, RegionKind.Raw, RegionReserve.OnDemand), Thaw(), Thaw(),
    ];

    [Fact]
    public void Heap_and_dictionary() => Machine.Check(3, 200, 20_261_121, RunDictionary,
        number => DictionaryCrashTests.RandomOperation(new Random(number)).Name);

    [Theory]
    [MemberData(nameof(ElementCrashTests.Kinds), MemberType = typeof(ElementCrashTests))]
    public void Collections_that_lie_in_sorted_maps(string kind) => Machine.Check(3, 200, 20_261_129,
        steps => ElementCrashTests.RunMachine(kind, steps), number => ElementCrashTests.NameOf(kind, number));

    [Theory]
    [InlineData(nameof(WorldKind.Kind))]
    [InlineData(nameof(WorldKind.Strict))]
    public void Arena_and_journal(string kind) => Machine.Check(3, 200, 20_261_122,
        steps => RunArena(steps, Enum.Parse<WorldKind>(kind), powerLoss: false), NameOfArena);

    [Fact]
    public void Arena_and_journal_under_losses_of_power() =>
        Machine.Check(2, 150, 20_261_123, steps => RunArena(steps, WorldKind.Kind, powerLoss: true), NameOfArena);

    /// <summary>
    /// A failure comes back as the shortest list: three of a hundred operations are enough for this one, and three are
    /// told.
    /// </summary>
    [Fact]
    public void A_failure_is_shrunk_to_the_operations_that_it_needs()
    {
        static void Fail(IReadOnlyList<Step> steps)
        {
            if (steps.Count(step => step.Number % 10 == 7) >= 3)
            {
                throw new LabException("three sevens");
            }
        }

        string message = Assert.ThrowsAny<Exception>(() =>
            Machine.Check(20, 100, 1, Fail, number => $"<{number % 10}>")).Message;
        Assert.Contains("three sevens", message, StringComparison.Ordinal);
        Assert.Contains("3 operations: <7> | <7> | <7>", message, StringComparison.Ordinal);
    }

    internal static void RunDictionary(IReadOnlyList<Step> steps)
    {
        using DictionaryLab lab = new(8 << 20, "dictionary state machine") { CrashRecoveryToo = false,
            Reorder = new Random(1) };
        foreach (Step step in steps)
        {
            DictionaryOperation operation = DictionaryCrashTests.RandomOperation(new Random(step.Number));
            if (step.Explored)
            {
                lab.Explore(operation);
            }
            else
            {
                lab.Do(operation);
            }
        }
    }

    internal static void RunArena(IReadOnlyList<Step> steps, WorldKind kind, bool powerLoss)
    {
        using ArenaLab lab = new(kind, powerLoss ? "arena state machine, power loss"
            : $"arena state machine on {kind}") { SampleSeed = powerLoss ? 1 : null, PowerMode = powerLoss };
        lab.Do(CreateArena());
        foreach (Step step in steps)
        {
            ArenaOperation operation = s_arena[step.Number % s_arena.Length];
            lab.CrashRecoveryToo = step.Number % 16 == 0;
            _ = step.Explored ? lab.Explore(operation) : lab.Do(operation);
            if (!powerLoss)
            {
                lab.Settle();
            }
        }
    }

    internal static string NameOfArena(int number) => s_arena[number % s_arena.Length].Name;
}

/// <summary>One operation of a run: which, by a number, and whether its crashes are looked at.</summary>
internal readonly record struct Step(int Number, bool Explored);

/// <summary>Runs of steps under FsCheck.</summary>
internal static class Machine
{
    /// <summary>Draws runs and throws with the shortest one that fails.</summary>
    /// <param name="runs">How many.</param>
    /// <param name="length">Of each, in operations.</param>
    /// <param name="seed">Draws the same ones again.</param>
    /// <param name="run">Runs one, and throws where something is wrong.</param>
    /// <param name="name">Of a step's operation.</param>
    public static void Check(int runs, int length, int seed, Action<IReadOnlyList<Step>> run, Func<int, string> name)
    {
        Gen<Step> step = Gen.Choose(0, 1 << 20).SelectMany(number =>
            Gen.Choose(0, 2).Select(explored => new Step(number, explored == 0)));
        Arbitrary<Step[]> arbitrary = Arb.From(step.ArrayOf(length), Shorter);
        string? failure = null;
        Step[] shortest = [];
        Config config = Config.Quick.WithMaxTest(runs).WithReplay((ulong)seed, 1).WithRunner(new Silent());
        FsCheck.Check.One(config, Prop.ForAll(arbitrary, steps =>
        {
            try
            {
                run(steps);
                return true;
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                // Shrinking only goes on from what failed: the last failure is the shortest.
                failure = error.Message;
                shortest = steps;
                return false;
            }
        }));
        if (failure is not null)
        {
            throw new LabException($"seed {seed}, {shortest.Length} " +
                $"operations: {string.Join(" | ", shortest.Select(one => name(one.Number)))}\n{failure}");
        }
    }

    /// <summary>Without a half, a quarter, … one of them, wherever it stands.</summary>
    private static IEnumerable<Step[]> Shorter(Step[] steps)
    {
        for (int cut = Math.Max(1, steps.Length / 2); cut > 0 && steps.Length > 0; cut /= 2)
        {
            for (int at = 0; at + cut <= steps.Length; at += cut)
            {
                yield return [.. steps[..at], .. steps[(at + cut)..]];
            }
        }
    }

    /// <summary>The caller tells what failed.</summary>
    private sealed class Silent : IRunner
    {
        public void OnStartFixture(Type t)
        {
        }

        public void OnArguments(int ntest, Microsoft.FSharp.Collections.FSharpList<object> args,
            Microsoft.FSharp.Core.FSharpFunc<int,
                Microsoft.FSharp.Core.FSharpFunc<Microsoft.FSharp.Collections.FSharpList<object>, string>> every)
        {
        }

        public void OnShrink(Microsoft.FSharp.Collections.FSharpList<object> args,
            Microsoft.FSharp.Core.FSharpFunc<Microsoft.FSharp.Collections.FSharpList<object>, string> everyShrink)
        {
        }

        public void OnFinished(string name, FsCheck.TestResult result)
        {
        }
    }
}
