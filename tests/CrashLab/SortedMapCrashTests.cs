using GuestMemFs.Heap;
using static GuestMemFs.CrashLab.SortedMapOperation;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Crash after every store of every mutating operation of a sorted map, alone and in all sequences of up to three.
/// </summary>
public sealed class SortedMapCrashTests
{
    private const long Later = 2_000_000;

    // So many entries in rising order that the first branch is split.
    private const int SplitBranches = 12 * 61;

    internal static readonly SortedMapOperation[] Alphabet =
    [
        Set("m/05x", "between"),
        Set("m/05", new string('y', 700)),
        Set("z", "at the end", Later),
        Remove("m/03"),
        Increment("n"),
        Expire("m/02", Later),
        Move(),
        Group(commit: true, Set("m/05", "in group"), Remove("m/03"), Set("a", "new"), Beside("d", "with it")),
        Group(commit: false, Set("m/05", "in group"), Remove("m/03"), Set("m/035", "new"), Remove("m/035"),
            Increment("n"), Beside("d", "with it"), Expire("m/02", Later)),
    ];

    private static SortedMapOperation Afterwards => Set("afterwards", "and it goes on");

    // What ends a sequence of three: one of each kind.
    private static readonly SortedMapOperation[] s_thirdOperations = [Alphabet[0], Alphabet[3], Alphabet[8]];

    // In the last one the next removal of m/03 joins two leaves, and takes the branch above them away.
    internal static readonly string[] BeginningNames =
        ["empty", "one entry", "full leaf", "two leaves", "few in two leaves"];

    public static TheoryData<string> Beginnings => [.. BeginningNames];

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_store_of_every_sequence_of_up_to_three_operations(string beginning)
    {
        using SortedMapLab lab = new("sorted map sequences");
        Begin(lab, beginning);
        var start = lab.Save();
        foreach (SortedMapOperation first in Alphabet)
        {
            lab.Restore(start, beginning);
            (lab.CrashRecoveryToo, lab.Reorder) = (true, new Random(3));
            lab.Explore(first);
            var second = lab.Save();
            foreach (SortedMapOperation next in Alphabet)
            {
                lab.Restore(second, $"{beginning} | {first}");
                (lab.CrashRecoveryToo, lab.Reorder) = (false, null);
                lab.Explore(next);
                var third = lab.Save();
                foreach (SortedMapOperation last in s_thirdOperations)
                {
                    lab.Restore(third, $"{beginning} | {first} | {next}");
                    lab.Explore(last);
                }
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_random_run(bool powerLoss) => Round(1, powerLoss, 40);

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_operation_under_losses_of_power(string beginning)
    {
        using SortedMapLab lab = new("sorted map, power loss") { PowerLoss = new Random(21) };
        Begin(lab, beginning);
        lab.ExploreEach(beginning, Alphabet, Afterwards);
    }

    [Fact]
    public void Every_store_of_creation()
    {
        using SortedMapLab lab = new("sorted map creation") { ChecksBeforeRecovery = true };
        lab.Do(Set("k", "of another map"));
        lab.ExploreCreation("another");
    }

    [Fact]
    public void Every_store_where_branches_are_split_and_joined()
    {
        using SortedMapLab lab = new("sorted map branches") { ChecksBeforeRecovery = true };
        Assert.Equal(4, ExploreBranches(lab, SplitBranches));
    }

    // The first branch comes, it is split, and both go again; each is looked into.
    private static int ExploreBranches(SortedMapLab lab, int entries)
    {
        int explored = 0;
        for (int i = 0; i < entries; i++)
        {
            explored += ExploreIfBranchesChange(lab, Set($"key {i:D4}", "v")) ? 1 : 0;
        }

        for (int i = 0; i < entries; i++)
        {
            explored += ExploreIfBranchesChange(lab, Remove($"key {i:D4}")) ? 1 : 0;
        }

        return explored;
    }

    /// <summary>Each operation from each beginning, and a branch that is split and joined again.</summary>
    internal static IReadOnlyList<FaultScene> FaultScenes { get; } =
    [
        .. BeginningNames.SelectMany(beginning => Alphabet.Select(operation =>
            new FaultScene($"{beginning}, {operation}", () => Single(beginning, operation)))),
        new("creation", () =>
        {
            using SortedMapLab lab = new("seeded faults");
            lab.ExploreCreation("another");
        }),
        new("branches", () =>
        {
            using SortedMapLab lab = new("seeded faults") { CrashRecoveryToo = false };
            ExploreBranches(lab, SplitBranches);
        }),
    ];

    private static void Single(string beginning, SortedMapOperation operation)
    {
        using SortedMapLab lab = new("seeded faults") { CrashRecoveryToo = false, Reorder = new Random(1) };
        Begin(lab, beginning);
        lab.ExploreEach(beginning, [operation], Afterwards);
    }

    /// <summary>True for the sources of the sorted map.</summary>
    internal static bool IsPlace(string file) => Path.GetFileName(file) is
        "TreeShaper.cs" or "TreeRecords.cs" or "NodeWriter.cs" or "SortedChange.cs" or "RecordFiller.cs";

    /// <summary>A round of the long profile: any operations from any beginning.</summary>
    internal static void Round(int seed, bool powerLoss, int operations)
    {
        Random random = new(seed);
        using SortedMapLab lab = new("sorted map, long")
        {
            Reorder = powerLoss ? null : random,
            PowerLoss = powerLoss ? random : null,
        };
        Begin(lab, LongRun.Any(random, BeginningNames));
        lab.Wander(random, operations, () => LongRun.Any(random, Alphabet));
    }

    internal static void Begin(SortedMapLab lab, string beginning)
    {
        int count = beginning switch { "empty" => 0, "one entry" => 1, "full leaf" => 12, _ => 13 };
        for (int i = 0; i < count; i++)
        {
            lab.Do(Set($"m/{12 - i:D2}", "value " + i));
        }

        if (beginning == "few in two leaves")
        {
            foreach (int gone in (int[])[1, 12, 11, 10])
            {
                lab.Do(Remove($"m/{gone:D2}"));
            }
        }
    }

    // Looks into the operation's crashes where it changes how many branches there are.
    private static bool ExploreIfBranchesChange(SortedMapLab lab, SortedMapOperation operation)
    {
        int before = Branches(lab);
        var saved = lab.Save();
        lab.Do(operation);
        if (Branches(lab) == before)
        {
            return false;
        }

        lab.Restore(saved, "many leaves");
        lab.Explore(operation);
        return true;
    }

    private static unsafe int Branches(SortedMapLab lab) =>
        HeapBlocks.Find(lab.Pair.Heap.Space).Keys.Count(block =>
            BlockHeader.TypeOf(*(ulong*)lab.Pair.Heap.At(block)) == BlockHeader.TypeBranch);
}
