using static GuestMemFs.CrashLab.LogOperation;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Crash after every store of every mutating operation of a log, alone and in all sequences of up to three.
/// </summary>
public sealed class LogCrashTests
{
    internal static readonly LogOperation[] Alphabet =
    [
        Append("small"),
        Append(new string('y', 700)),
        AppendLater(""),
        TrimFirst(),
        TrimToCount(2),
        Clear(),
        Collect(),
        SetPosition("there", 5),
        SetPosition("new", 6),
        RemovePosition("there"),
        Group(commit: true, Append("in a group"), SetPosition("there", 7), Beside("d", "with it"), TrimToCount(1),
            SetPosition("new", 8), RemovePosition("new")),
        Group(commit: false, TrimFirst(), Append("in a group"), SetPosition("there", 9), Append(new string('g', 3_000)),
            Beside("d", "with it"), RemovePosition("there"), SetPosition("other", 1), SetPosition("other", 2), Clear(),
            Append(new string('h', 9_000)), Collect()),
    ];

    private static LogOperation Afterwards => Append("and it goes on");

    // What ends a sequence of three: a long append everywhere, and a group that goes back where segments meet.
    private static LogOperation[] ThirdOperations(string beginning) =>
        beginning is "full segment" or "trimmed segments" ? [Alphabet[1], Alphabet[11]] : [Alphabet[1]];

    // In "full directory" the next segment needs a new one.
    internal static readonly string[] BeginningNames =
        ["empty", "one entry", "full segment", "full directory", "trimmed segments"];

    public static TheoryData<string> Beginnings => [.. BeginningNames];

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_store_of_every_sequence_of_up_to_three_operations(string beginning)
    {
        using LogLab lab = new("log sequences");
        Begin(lab, beginning);
        var start = lab.Save();
        foreach (LogOperation first in Alphabet)
        {
            lab.Restore(start, beginning);
            (lab.CrashRecoveryToo, lab.Reorder) = (true, new Random(3));
            lab.Explore(first);
            var second = lab.Save();
            foreach (LogOperation next in Alphabet)
            {
                lab.Restore(second, $"{beginning} | {first}");
                (lab.CrashRecoveryToo, lab.Reorder) = (false, null);
                lab.Explore(next);
                var third = lab.Save();
                foreach (LogOperation last in ThirdOperations(beginning))
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
        using LogLab lab = new("log, power loss") { PowerLoss = new Random(21) };
        Begin(lab, beginning);
        lab.ExploreEach(beginning, Alphabet, Afterwards);
    }

    /// <summary>A reader may have seen what a group appends and takes back: its id is no other entry's.</summary>
    [Theory]
    [MemberData(nameof(Beginnings))]
    public void No_id_is_given_twice(string beginning)
    {
        using LogLab lab = new("log ids") { ChecksIds = true };
        Begin(lab, beginning);
        lab.Explore(Group(commit: false, AppendLater("one"), Append("two")));
        lab.Explore(Group(commit: false, Append("one")));
        lab.Explore(Group(commit: true, Append(new string('l', 900))));
    }

    [Fact]
    public void Every_store_of_creation()
    {
        using LogLab lab = new("log creation");
        lab.Do(Append("of another log"));
        lab.ExploreCreation("another");
    }

    [Fact]
    public void A_heap_that_erases_has_no_letter_of_what_is_in_no_entry()
    {
        foreach (string beginning in BeginningNames[..^1])
        {
            using LogLab lab = new("log erasure", erases: true);
            Begin(lab, beginning);
            var start = lab.Save();
            foreach (LogOperation operation in ErasingAlphabet)
            {
                lab.Restore(start, beginning);
                lab.CrashRecoveryToo = beginning is "one entry" or "full segment";
                lab.Explore(operation);
                lab.Explore(TrimFirst());
            }
        }
    }

    // A group of a heap that erases does not trim.
    private static IEnumerable<LogOperation> ErasingAlphabet =>
    [
        .. Alphabet[..^2],
        Group(commit: true, Append("in a group"), SetPosition("there", 7), Append(new string('g', 3_000))),
        Group(commit: false, Append("in a group"), SetPosition("there", 7), Append(new string('g', 3_000))),
    ];

    /// <summary>Each operation from each beginning.</summary>
    internal static IReadOnlyList<FaultScene> FaultScenes { get; } =
    [
        .. BeginningNames.SelectMany(beginning => Alphabet.Select(operation =>
            new FaultScene($"{beginning}, {operation}", () => Single(beginning, operation)))),
        new("creation", () =>
        {
            using LogLab lab = new("seeded faults");
            lab.ExploreCreation("another");
        }),
    ];

    private static void Single(string beginning, LogOperation operation)
    {
        using LogLab lab = new("seeded faults")
        {
            CrashRecoveryToo = false,
            Reorder = new Random(1),
            ChecksIds = true,
        };
        Begin(lab, beginning);
        lab.ExploreEach(beginning, [operation], Afterwards);
    }

    /// <summary>True for the sources of the log.</summary>
    internal static bool IsPlace(string file) => Path.GetFileName(file) is
        "LogRoot.cs" or "LogWriter.cs" or "LogTrimmer.cs" or "LogPosition.cs" or "LogPositions.cs" or "LogNote.cs"
        or "LogGroup.cs";

    /// <summary>A round of the long profile: any operations from any beginning.</summary>
    internal static void Round(int seed, bool powerLoss, int operations)
    {
        Random random = new(seed);
        using LogLab lab = new("log, long")
        {
            Reorder = powerLoss ? null : random,
            PowerLoss = powerLoss ? random : null,
        };
        Begin(lab, LongRun.Any(random, BeginningNames));
        lab.Wander(random, operations, () => LongRun.Any(random, Alphabet));
    }

    internal static void Begin(LogLab lab, string beginning)
    {
        if (beginning == "empty")
        {
            return;
        }

        lab.Do(SetPosition("first", 3));
        lab.Do(SetPosition("there", 4));
        lab.Do(Append("the first entry"));
        if (beginning == "full segment")
        {
            lab.Do(Append("small"));
            lab.Do(Append(new string('f', 800)));
        }
        else if (beginning == "full directory")
        {
            FillDirectory(lab);
        }
        else if (beginning == "trimmed segments")
        {
            lab.Do(Append(new string('a', 2_000)));
            lab.Do(Append(new string('b', 4_000)));
            lab.Do(Group(commit: true, TrimToCount(1)));
        }
    }

    // Two entries fill a segment. The trims keep so few that the next one is no longer.
    private static void FillDirectory(LogLab lab)
    {
        for (int i = 1; i < 28; i++)
        {
            lab.Do(Append(new string((char)('a' + (i % 26)), 440)));
            lab.Do(TrimToCount(5));
        }
    }
}
