using static GuestMemFs.CrashLab.NestedOperation;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Crash after every store of what is done with collections that records own, and after every store of what frees them:
/// each is whole or absent, and nothing is left over.
/// </summary>
public sealed class NestedCrashTests
{
    private static readonly NestedOperation[] s_alphabet =
    [
        Create("a", "pqr"),
        Drop("a"),
        SetString("a"),
        Add("a", "x"),
        Rename("a", "b"),
        Expire("a"),
        ExpireLater("a"),
        Clear(),
        Free(),
        Group(commit: true, Create("b", "uv"), Drop("a")),
        Group(commit: false, Add("a", "y"), Rename("a", "b"), Create("a", "k")),
    ];

    // What ends a sequence: one of each kind.
    private static readonly NestedOperation[] s_seconds = [s_alphabet[0], s_alphabet[4], s_alphabet[8]];

    private static readonly string[] s_beginnings = ["empty", "one", "two", "garbage"];

    public static TheoryData<string> Beginnings => [.. s_beginnings];

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_store_of_every_sequence_of_two_operations(string beginning)
    {
        using NestedLab lab = new();
        Begin(lab, beginning);
        var start = lab.Save();
        foreach (NestedOperation first in s_alphabet)
        {
            lab.Restore(start, beginning);
            lab.CrashRecoveryToo = beginning == "garbage" && s_seconds.Contains(first);
            lab.Explore(first);
            var second = lab.Save();
            foreach (NestedOperation next in s_seconds)
            {
                lab.Restore(second, $"{beginning} | {first}");
                lab.CrashRecoveryToo = false;
                lab.Explore(next);
            }
        }
    }

    [Fact]
    public void Every_store_of_changes_of_bytes()
    {
        using NestedLab lab = new();
        lab.Do(Create("b", "d"));
        NestedOperation[] changes =
        [
            CreateBytes("a", 'p'), Append("a", 'x'), Overwrite("a", 'q'),
            Group(commit: false, Append("a", 'y'), Overwrite("a", 'r')),
            Group(commit: true, Append("a", 'z'), CreateBytes("b", 's')), Overwrite("b", 't'), Drop("a"), Free(),
        ];
        lab.CrashRecoveryToo = false;
        foreach (NestedOperation change in changes)
        {
            lab.Explore(change);
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
        using NestedLab lab = new() { PowerLoss = new Random(21) };
        Begin(lab, beginning);
        lab.ExploreEach(beginning, s_alphabet, Add("a", "z"));
    }

    /// <summary>A round of the long profile: any operations from any beginning.</summary>
    internal static void Round(int seed, bool powerLoss, int operations)
    {
        Random random = new(seed);
        using NestedLab lab = new() { Reorder = powerLoss ? null : random, PowerLoss = powerLoss ? random : null };
        Begin(lab, LongRun.Any(random, s_beginnings));
        lab.Wander(random, operations, () => LongRun.Any(random, s_alphabet));
    }

    private static void Begin(NestedLab lab, string beginning)
    {
        if (beginning != "empty")
        {
            lab.Do(Create("a", "abc"));
        }

        if (beginning is "two" or "garbage")
        {
            lab.Do(Create("b", "d"));
        }

        if (beginning == "garbage")
        {
            lab.Do(Drop("b"));
            lab.Do(ExpireLater("a"));
            lab.Do(Create("b", "ef"));
        }
    }
}
