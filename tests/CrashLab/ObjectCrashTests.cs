using static GuestMemFs.CrashLab.ObjectOperation;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Crash after every store of what is done with linked objects: both lists are as before or as after, and what is in
/// use is what they lead to.
/// </summary>
public sealed class ObjectCrashTests
{
    private static readonly ObjectOperation[] s_alphabet =
    [
        Push(7),
        Pop(),
        PopSecond(),
        Swap(),
        Write("a text"),
        Write(new string('w', 3000)),
        ReplaceLast(6),
        Group(commit: true, Move()),
        Group(commit: false, Move(), Push(8), Pop(), Pop()),
        Group(commit: true, Allocate(10), Set("a", "with it")),
        Group(commit: false, Allocate(20), PopSecond(), Set("a", "and back"), Swap(), Write("")),
        Group(commit: true, Release(), Push(9), PopSecond(), Write(""), Write("b"), ReplaceLast(4)),
        Group(commit: false, Release(), Move()),
    ];

    internal static readonly string[] BeginningNames = ["empty", "one", "three", "both"];

    public static TheoryData<string> Beginnings => [.. BeginningNames];

    internal static IReadOnlyList<FaultScene> FaultScenes { get; } =
    [
        .. BeginningNames.Select(beginning => new FaultScene($"objects, {beginning}", () =>
        {
            using ObjectLab lab = new();
            Begin(lab, beginning);
            lab.ExploreEach(beginning, s_alphabet, Push(3));
        })),
    ];

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_store_of_every_sequence_of_up_to_three_operations(string beginning)
    {
        using ObjectLab lab = new() { Reorder = new Random(5) };
        Begin(lab, beginning);
        var start = lab.Save();
        foreach (ObjectOperation first in s_alphabet)
        {
            lab.Restore(start, beginning);
            lab.CrashRecoveryToo = true;
            lab.Explore(first);
            lab.CrashRecoveryToo = false;
            var second = lab.Save();
            foreach (ObjectOperation next in s_alphabet)
            {
                lab.Restore(second, $"{beginning} | {first}");
                lab.Explore(next);
                lab.Explore(Write(""));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_operation_in_a_heap_that_erases(string beginning)
    {
        using ObjectLab lab = new(erases: true);
        Begin(lab, beginning);
        lab.ExploreEach(beginning, s_alphabet, Push(3));
    }

    [Fact]
    public void Every_store_of_a_further_root()
    {
        using ObjectLab lab = new() { Reorder = new Random(3) };
        Begin(lab, "three");
        lab.ExploreFurtherRoot();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_random_run(bool powerLoss) => Round(1, powerLoss, 40);

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_operation_under_losses_of_power(string beginning)
    {
        using ObjectLab lab = new() { PowerLoss = new Random(21) };
        Begin(lab, beginning);
        lab.ExploreEach(beginning, s_alphabet, Push(3));
    }

    /// <summary>A round of the long profile: any operations from any beginning.</summary>
    internal static void Round(int seed, bool powerLoss, int operations)
    {
        Random random = new(seed);
        using ObjectLab lab = new(erases: random.Next(3) == 0)
        {
            Reorder = powerLoss ? null : random,
            PowerLoss = powerLoss ? random : null,
        };
        Begin(lab, LongRun.Any(random, BeginningNames));
        lab.Wander(random, operations, () => LongRun.Any(random, s_alphabet));
    }

    internal static void Begin(ObjectLab lab, string beginning)
    {
        for (int i = 0; i < (beginning switch { "empty" => 0, "one" => 1, _ => 3 }); i++)
        {
            lab.Do(Push(i));
        }

        if (beginning == "both")
        {
            lab.Do(Swap());
            lab.Do(Push(5));
        }
    }
}
