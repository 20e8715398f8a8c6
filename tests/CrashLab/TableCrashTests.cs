using static GuestMemFs.CrashLab.TableOperation;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Crash after every store of every mutating operation of tables, alone and in all sequences of up to three: records,
/// indexes and the feed agree, and a unique index has no key twice.
/// </summary>
public sealed class TableCrashTests
{
    private static readonly TableOperation[] s_singles =
    [
        Put("new", "Rome|n@x"),
        Put("a", "Oslo|moved@x"),
        Put("a", "Rome|b@x"), // where b has it: refused
        Put("b", new string('l', 300) + "|"),
        Remove("a"),
        AddIndex(),
        DropIndex(),
        BuildSome(),
        TrimFeed(1),
    ];

    private static readonly TableOperation[] s_alphabet =
    [
        .. s_singles,
        Group(commit: true, Put("a", "Bonn|b@x"), Remove("b"), Put("a", "Bonn|b@x"), PutBeside("a", "Rome|a@x")),
        Group(commit: false, Remove("b"), Put("a", "Bonn|b@x"), PutBeside("b", "Rome|lost@x"), Put("lost", "Oslo|l@x"),
            TrimFeed(2), Remove("a")),
    ];

    // Each store of the recoveries of these: there are thousands of an operation.
    private static readonly TableOperation[] s_recovered =
    [
        s_singles[1], s_singles[4],
        Group(commit: true, Put("a", "Oslo|"), PutBeside("a", "Rome|")),
        Group(commit: false, Put("a", "Oslo|"), PutBeside("a", "Rome|")),
    ];

    private static readonly string[] s_beginnings = ["empty", "one", "three", "being built", "built"];

    public static TheoryData<string> Beginnings => [.. s_beginnings];

    /// <summary>Each operation, each single one after it, and of each fourth of these pairs one more.</summary>
    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_store_of_every_sequence_of_up_to_three_operations(string beginning)
    {
        using TableLab lab = new("tables") { CrashRecoveryToo = false };
        Begin(lab, beginning);
        var start = lab.Save();
        int pairs = Array.IndexOf(s_beginnings, beginning);
        foreach (TableOperation first in s_alphabet)
        {
            lab.Restore(start, beginning);
            lab.Reorder = new Random(3);
            lab.Explore(first);
            var second = lab.Save();
            lab.Reorder = null;
            foreach (TableOperation next in s_singles)
            {
                lab.Restore(second, $"{beginning} | {first}");
                lab.Explore(next);
                if (pairs++ % 4 == 0)
                {
                    lab.Explore(s_alphabet[pairs / 4 % s_alphabet.Length]);
                }
            }
        }
    }

    [Fact]
    public void Every_store_of_the_recovery_of_a_change()
    {
        using TableLab lab = new("tables, recovery");
        Begin(lab, "one");
        var start = lab.Save();
        foreach (TableOperation operation in s_recovered)
        {
            lab.Restore(start, "one");
            lab.Explore(operation);
        }
    }

    /// <summary>More entries than a group removes, and more records than a group puts into an index.</summary>
    [Fact]
    public void Every_store_of_a_drop_and_of_a_build_in_several_groups()
    {
        using TableLab lab = new("tables, indexes in steps") { CrashRecoveryToo = false };
        for (int i = 0; i < 260; i++)
        {
            lab.Do(Put($"{i}", "c|"));
        }

        lab.Do(AddIndex());
        lab.Explore(BuildSome());
        lab.Do(BuildAll());
        lab.Explore(DropIndex());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_random_run(bool powerLoss) => Round(1, powerLoss, 3);

    /// <summary>The proof that it can fail: a change past the table is none of the table's.</summary>
    [Fact]
    public void A_change_past_the_table_is_noticed()
    {
        using TableLab lab = new("tables, seeded") { CrashRecoveryToo = false };
        Begin(lab, "one");
        Assert.ThrowsAny<Exception>(() => lab.Explore(new TableOperation(
            "remove past the table",
            world => PersistentDictionary.OpenOrCreate(world.Heap, "t").Remove("a"u8),
            model => model.Records.Remove("a"))));
    }

    /// <summary>A round of the long profile: any operations from any beginning.</summary>
    internal static void Round(int seed, bool powerLoss, int operations)
    {
        Random random = new(seed);
        using TableLab lab = new("tables, random runs")
        {
            Reorder = powerLoss ? null : random,
            PowerLoss = powerLoss ? random : null,
        };
        Begin(lab, LongRun.Any(random, s_beginnings));
        lab.Wander(random, operations, () => LongRun.Any(random, s_alphabet), recoveries: false);
    }

    private static void Begin(TableLab lab, string beginning)
    {
        if (beginning != "empty")
        {
            lab.Do(Put("a", "Rome|a@x"));
        }

        if (beginning is "three" or "being built" or "built")
        {
            lab.Do(Put("b", "Rome|b@x"));
            lab.Do(Put("c", "Oslo|"));
            lab.Do(PutBeside("b", "Oslo|b@x"));
        }

        if (beginning is "being built" or "built")
        {
            lab.Do(AddIndex());
            lab.Do(BuildSome());
        }

        if (beginning == "built")
        {
            lab.Do(BuildAll());
        }
    }
}
