using GuestMemFs.Collections;
using static GuestMemFs.CrashLab.ElementOperation;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Crash after every store of every mutating operation of lists, sets, priority queues, bytes and bitmaps, alone and in
/// all sequences of up to three: each call is whole or absent, also where it takes several changes.
/// </summary>
public sealed class ElementCrashTests
{
    private static readonly Dictionary<string, ElementOperation[]> s_alphabets = new(StringComparer.Ordinal)
    {
        ["list"] =
        [
            AddLast("z"), AddFirst("a"), Insert("m"), SetFirst(new string('y', 300)), RemoveFirst(), RemoveLast(),
            RemoveRange(1, 3), Trim(1, 2),
            Group(commit: false, AddLast("lost"), RemoveFirst(), Insert("lost"), RemoveRange(0, 2)),
        ],
        ["set"] =
        [
            Add("m05"), Remove("m03"), Union(), Intersect(), Except(), Exchange(),
            Group(commit: false, Add("lost"), Union(), Remove("m01")),
        ],
        ["queue"] =
        [
            Enqueue(5, "e"), Enqueue(-5, "u"), Dequeue(long.MaxValue), Dequeue(3), Reprioritize(9), Lease(1), Lease(9),
            Complete(), Return(50), Extend(5), Pass(),
            Group(commit: false, Enqueue(0, "lost"), Dequeue(long.MaxValue), Lease(3), Return(1), Pass()),
        ],
        ["bytes"] =
        [
            Append(3, 1), Append(5_000, 2), Write(2, 4, 3), Write(4_000, 200, 4), Write(13_000, 1, 5), SetLength(5_000),
            SetLength(0), Group(commit: false, Append(6_000, 6), SetLength(10), Write(0, 100, 7)),
        ],
        ["bitmap"] =
        [
            Bit(3, true), Bit(3, false), Bit(8_063, true), Bit(9_000, true), Bit(9_000, false),
            Group(commit: false, Bit(3, true), Bit(9_000, true), Bit(3, false)),
        ],
    };

    private static readonly int[] s_sizes = [0, 3, 13];

    public static TheoryData<string> Kinds => [.. s_alphabets.Keys];

    public static TheoryData<string, int> Beginnings
    {
        get
        {
            TheoryData<string, int> all = [];
            foreach (string kind in s_alphabets.Keys)
            {
                Array.ForEach(s_sizes, size => all.Add(kind, size));
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_store_of_every_sequence_of_up_to_three_operations(string kind, int size)
    {
        using ElementLab lab = new(kind);
        Begin(lab, kind, size);
        var start = lab.Save();
        ElementOperation[] alphabet = s_alphabets[kind];
        foreach (ElementOperation first in alphabet)
        {
            lab.Restore(start, $"{kind} of {size}");
            (lab.CrashRecoveryToo, lab.Reorder) = (true, new Random(3));
            lab.Explore(first);
            var second = lab.Save();
            foreach (ElementOperation next in alphabet)
            {
                lab.Restore(second, $"{kind} of {size} | {first}");
                (lab.CrashRecoveryToo, lab.Reorder) = (false, null);
                lab.Explore(next);
                lab.Explore(alphabet[size % alphabet.Length]); // each beginning has a third of its own
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_operation_under_losses_of_power(string kind)
    {
        using ElementLab lab = new(kind) { PowerLoss = new Random(21) };
        Begin(lab, kind, 13);
        lab.ExploreEach(kind, s_alphabets[kind], s_alphabets[kind][0]);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_operation_in_a_heap_that_erases(string kind)
    {
        using ElementLab lab = new(kind, erases: true) { CrashRecoveryToo = false };
        Begin(lab, kind, 13);
        lab.ExploreEach(kind, s_alphabets[kind], s_alphabets[kind][0]);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_store_of_creation(string kind)
    {
        using ElementLab lab = new(kind);
        Begin(lab, kind, 3);
        lab.ExploreAnother();
    }

    [Fact]
    public void Every_store_where_elements_of_a_list_are_spread()
    {
        using ElementLab lab = new("list") { CrashRecoveryToo = false };
        lab.Do(AddFirst("first"));
        lab.Do(AddLast("last"));
        int longest = 0;
        for (int i = 0; i < 1_000; i++)
        {
            // In turns before and behind the one before; the one that is too near is the one to look into.
            string text = "e" + i;
            int behind = i % 2;
            ElementOperation insert = new(
                "insert " + text,
                world => world.List.Insert((world.List.Count / 2) + behind, Encode(text)),
                model => model.List.Insert((model.List.Count / 2) + behind, text));
            var saved = lab.Save();
            lab.Do(insert);
            int now = LongestKey(lab.World.Heap);
            if (now < longest)
            {
                lab.Restore(saved, "a crowded list");
                lab.Explore(insert);
                return;
            }

            longest = now;
        }

        Assert.Fail("no insertion spread anything");
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_random_run(string kind) => Round(kind, 1, powerLoss: false, 40);

    /// <summary>What the long profile takes turns in.</summary>
    internal static IEnumerable<LongRound> Rounds => s_alphabets.Keys.SelectMany(kind => (LongRound[])
    [
        new(kind, seed => Round(kind, seed, powerLoss: false, 200)),
        new(kind + "-power", seed => Round(kind, seed, powerLoss: true, 60)),
    ]);

    /// <summary>A round of the long profile: any operations from any beginning.</summary>
    internal static void Round(string kind, int seed, bool powerLoss, int operations)
    {
        Random random = new(seed);
        using ElementLab lab = new(kind) { Reorder = powerLoss ? null : random, PowerLoss = powerLoss ? random : null };
        Begin(lab, kind, LongRun.Any(random, s_sizes));
        lab.Wander(random, operations, () => LongRun.Any(random, s_alphabets[kind]));
    }

    /// <summary>Runs steps that FsCheck drew.</summary>
    internal static void RunMachine(string kind, IReadOnlyList<Step> steps)
    {
        using ElementLab lab = new(kind) { CrashRecoveryToo = false };
        foreach (Step step in steps)
        {
            ElementOperation operation = s_alphabets[kind][step.Number % s_alphabets[kind].Length];
            if (step.Explored && step.Number % 4 == 0)
            {
                lab.Explore(operation);
            }
            else
            {
                lab.Do(operation);
            }
        }
    }

    internal static string NameOf(string kind, int number) => s_alphabets[kind][number % s_alphabets[kind].Length].Name;

    private static int LongestKey(PersistentHeap heap)
    {
        int longest = 0;
        foreach (SortedEntry entry in PersistentSortedMap.OpenAs(heap, "list", TreeKind.List).Scan())
        {
            longest = Math.Max(longest, entry.Key.Length);
        }

        return longest;
    }

    private static byte[] Encode(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    private static void Begin(ElementLab lab, string kind, int size)
    {
        for (int i = 0; i < size; i++)
        {
            lab.Do(kind switch
            {
                "list" => AddLast($"element {i}"),
                "set" => Add($"m{i:D2}"),
                "queue" => Enqueue(i % 5, $"payload {i}"),
                "bytes" => Append(900, (byte)i),
                _ => Bit(i * 1_500, value: true),
            });
        }

        for (int i = 0; kind == "set" && i < 4; i++)
        {
            lab.Do(AddOther($"m{i * 5:D2}"));
        }
    }
}
