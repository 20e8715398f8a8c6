using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Heap;
using static GuestMemFs.CrashLab.DictionaryOperation;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Crash after every store of every mutating operation of a dictionary, alone and in all sequences of up to three.
/// </summary>
public sealed class DictionaryCrashTests
{
    private const long Later = 2_000_000;

    // Keys of one bucket, so that seven of them fill it.
    private static readonly string[] s_same = [.. SameBucket().Take(16)];

    internal static IReadOnlyList<string> SameKeys => s_same;

    internal static readonly DictionaryOperation[] Alphabet =
    [
        Set(s_same[0], "short"),
        Set(s_same[0], new string('x', 300)),
        Set(s_same[1], new string('y', 40_000)),
        Set(s_same[8], "expiring", Later),
        Remove(s_same[0]),
        Remove(s_same[6]),
        Remove(s_same[8]),
        Increment("n", 5),
        Expire(s_same[0], Later),
        Expire(s_same[8], 0),
        Clear(),
        Collect(600),
        Move(),
        Group(commit: true, Set(s_same[0], "in group"), Remove(s_same[1]), Set(s_same[9], "new"), Increment("n", 1)),
        Group(commit: false, Set(s_same[0], "in group"), Set(s_same[0], "twice"), Remove(s_same[2]),
            Set(s_same[10], "new"), Expire(s_same[0], Later)),
    ];

    private static DictionaryOperation Afterwards => Set("afterwards", "and it goes on");

    // What ends a sequence of three: one of each kind.
    private static readonly DictionaryOperation[] ThirdOperations = [Alphabet[1], Alphabet[5], Alphabet[6], Alphabet[8],
        Alphabet[10], Alphabet[12], Alphabet[13], Alphabet[14]];

    internal static readonly string[] BeginningNames = ["empty", "full bucket", "overflow of one", "long chain",
        "integers"];

    public static TheoryData<string> Beginnings => [.. BeginningNames];

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_store_of_every_sequence_of_up_to_three_operations(string beginning)
    {
        using DictionaryLab lab = new(2 << 20, "dictionary sequences") { Reorder = new Random(3) };
        Begin(lab, beginning);
        var start = lab.Save();
        foreach (DictionaryOperation first in Alphabet)
        {
            lab.Restore(start, beginning);
            lab.CrashRecoveryToo = true;
            lab.Explore(first);
            var second = lab.Save();
            foreach (DictionaryOperation next in Alphabet)
            {
                lab.Restore(second, $"{beginning} | {first}");
                lab.Explore(next);
                var third = lab.Save();
                lab.CrashRecoveryToo = false; // looked into for each pair already
                lab.Reorder = null;
                foreach (DictionaryOperation last in ThirdOperations)
                {
                    lab.Restore(third, $"{beginning} | {first} | {next}");
                    lab.Explore(last);
                }

                lab.CrashRecoveryToo = true;
                lab.Reorder = new Random(3);
            }
        }
    }

    [Fact]
    public void Every_store_of_creation()
    {
        using DictionaryLab lab = new(2 << 20, "dictionary creation");
        lab.ExploreCreation();
    }

    [Fact]
    public void Every_store_of_creation_with_checksums()
    {
        using DictionaryLab lab = new(2 << 20, "dictionary creation", checksums: true);
        lab.ExploreCreation();
    }

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_store_of_giving_back_what_lanes_keep(string beginning)
    {
        using DictionaryLab lab = new(2 << 20, "dictionary given back") { CrashRecoveryToo = true };
        Begin(lab, beginning);
        var start = lab.Save();
        foreach (DictionaryOperation operation in Alphabet)
        {
            lab.Restore(start, beginning);
            lab.Explore(operation);
            lab.Explore(GiveBack());
            lab.Explore(operation);
        }
    }

    /// <summary>Each operation twice: each check of a state reads all values, and looks at all checksums.</summary>
    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_store_of_operations_with_checksums(string beginning)
    {
        using DictionaryLab lab = new(2 << 20, "dictionary with checksums", checksums: true);
        lab.Reorder = new Random(4);
        Begin(lab, beginning);
        var start = lab.Save();
        foreach (DictionaryOperation operation in Alphabet)
        {
            lab.Restore(start, beginning);
            lab.Explore(operation);
            lab.Explore(operation);
        }
    }

    [Fact]
    public void Every_store_of_growth()
    {
        ExploreGrowth(recoveryToo: true, new Random(5));
    }

    [Fact]
    public void Every_store_of_compaction()
    {
        ExploreCompaction(recoveryToo: true, new Random(9));
    }

    [Fact]
    public void Random_sequences_under_a_weak_order_of_stores()
    {
        for (int seed = 1; seed <= 4; seed++)
        {
            LongRun.RandomRun(seed, 120);
        }
    }

    [Fact]
    public void Every_operation_under_losses_of_power()
    {
        using DictionaryLab lab = new(2 << 20, "dictionary, power loss") { PowerLoss = new Random(21) };
        foreach (string beginning in BeginningNames)
        {
            lab.Do(Clear());
            Begin(lab, beginning);
            lab.ExploreEach(beginning, Alphabet, Afterwards);
        }

        LongRun.PowerRun(1, 60);
    }

    /// <summary>
    /// Each operation from each beginning, and growth, with what a weak order of stores can do as well.
    /// </summary>
    internal static IReadOnlyList<FaultScene> FaultScenes { get; } =
    [
        new("creation", () =>
        {
            using DictionaryLab lab = new(2 << 20, "seeded faults");
            lab.ExploreCreation();
        }),
        .. BeginningNames.SelectMany(beginning => Alphabet.Select(operation =>
            new FaultScene($"{beginning}, {operation}", () => Single(beginning, operation)))),
        new("large", ExploreLarge),
        new("hole", () => HoleCrashTests.Explore("seeded faults")),
        new("growth", () => ExploreGrowth(recoveryToo: false, new Random(1))),
    ];

    private static void Single(string beginning, DictionaryOperation operation)
    {
        using DictionaryLab lab = new(2 << 20, "seeded faults") { Reorder = new Random(1) };
        Begin(lab, beginning);
        lab.ExploreEach(beginning, [operation], Afterwards);
    }

    // A run of pages is freed and cut.
    private static void ExploreLarge()
    {
        using DictionaryLab lab = new(2 << 20, "seeded faults") { Reorder = new Random(1) };
        lab.Explore(Set("large", new string('l', 300_000)));
        lab.Explore(Remove("large"));
        lab.Explore(Set("smaller", new string('s', 140_000)));
        lab.Explore(Set("next", new string('n', 140_000)));
    }

    internal static void ExploreGrowth(bool recoveryToo, Random random)
    {
        using DictionaryLab lab = new(4 << 20, "dictionary growth") { Reorder = random };
        string[] moving = [.. KeysWhere(hash => (hash & 2047) == 1024).Take(7)];
        foreach (string key in moving)
        {
            lab.Do(Set(key, "moves with the first split, and needs an overflow block there"));
        }

        for (int i = 0; i < 5_735 - moving.Length; i++)
        {
            lab.Do(Set("k" + i, "v"));
        }

        // The threshold is passed; whether to grow is looked at every sixteenth insert, and then 64 buckets are split.
        lab.CrashRecoveryToo = recoveryToo;
        for (int i = 0; i < 16; i++)
        {
            DictionaryOperation set = Set("more" + i, "v");
            if (i is > 7 and < 11)
            {
                lab.Explore(set);
            }
            else
            {
                lab.Do(set);
            }
        }
    }

    /// <summary>
    /// A full heap whose free memory is scattered: a value of another size, in a group and out of one, has slabs
    /// emptied, and one of several pages a stretch.
    /// </summary>
    internal static void ExploreCompaction(bool recoveryToo, Random? random)
    {
        using DictionaryLab lab = new(2 << 20, "compaction") { Reorder = random, CrashRecoveryToo = recoveryToo };
        int count = 0;
        for (int size = 3_900; Fits(lab, Set("k" + count, new string('v', size))); count++)
        {
            size = count % 9 == 8 ? 60_000 : 3_900;
        }

        for (int i = 0; i < count; i++)
        {
            if (i % 4 != 0 && i % 9 != 0)
            {
                lab.Do(Remove("k" + i)); // no slab of them is empty now
            }
        }

        lab.Do(Set("other", new string('o', 30)));
        ExploreNeedy(lab, Set("needs a slab", new string('n', 500)));
        ExploreNeedy(lab, Group(commit: true, Remove("k4"), Set("k8", "changed"),
            Set("needs a slab", new string('n', 500))));
        ExploreNeedy(lab, Group(commit: false, Remove("k4"), Set("k8", "changed"),
            Set("needs a slab", new string('n', 500))));
        for (int i = 0; i < count; i += 9)
        {
            lab.Do(Remove("k" + i)); // pages of their own, which lie among the others
        }

        ExploreNeedy(lab, Set("needs a stretch", new string('n', 400_000)));
    }

    private static void ExploreNeedy(DictionaryLab lab, DictionaryOperation needy)
    {
        var scattered = lab.Save();
        lab.Explore(needy);
        Assert.True(lab.BlocksMoved > 0, $"{needy} found room without compaction");
        lab.Do(Set("afterwards", "and it goes on"));
        lab.Restore(scattered, "scattered");
    }

    private static bool Fits(DictionaryLab lab, DictionaryOperation set)
    {
        try
        {
            lab.Do(set);
            return true;
        }
        catch (ArenaOutOfSpaceException)
        {
            return false;
        }
    }

    internal static void Begin(DictionaryLab lab, string beginning)
    {
        int same = beginning switch { "full bucket" => 7, "overflow of one" => 8, "long chain" => 15, _ => 0 };
        for (int i = 0; i < same; i++)
        {
            lab.Do(Set(s_same[i], "value " + i));
        }

        if (beginning == "integers")
        {
            lab.Do(Increment("n", 1));
            lab.Do(Increment(s_same[0], 7));
            lab.Do(Set(s_same[8], "text", Later));
        }
    }

    /// <summary>Any operation on the few keys of the lab, with sizes from nothing to many pages.</summary>
    internal static DictionaryOperation RandomOperation(Random random)
    {
        string Key() => random.Next(4) == 0 ? "n" + random.Next(3) : s_same[random.Next(s_same.Length)];
        string Value() => new((char)('a' + random.Next(26)), random.Next(10) switch { 0 => 0, 1 =>
            random.Next(200_000), 2 or 3 => random.Next(5_000), _ => random.Next(200) });
        DictionaryOperation Simple() => random.Next(10) switch
        {
            0 or 1 => Remove(Key()),
            2 => Increment(Key(), random.Next(-9, 9)),
            3 => Expire(Key(), random.Next(2) == 0 ? 0 : Later + random.Next(3)),
            4 => Set(Key(), Value(), Later),
            _ => Set(Key(), Value()),
        };
        return random.Next(30) switch
        {
            0 => Clear(),
            1 => Collect(random.Next(2_000)),
            5 => Move(),
            2 or 3 or 4 => Group(random.Next(3) > 0, [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => Simple())]),
            _ => Simple(),
        };
    }

    private static IEnumerable<string> SameBucket() => KeysWhere(hash => (hash & 1023) == 77);

    private static IEnumerable<string> KeysWhere(Func<ulong, bool> fits)
    {
        SipHash hash = new(0xFEDC_BA98_7654_3210, 0x0123_4567_89AB_CDEF);
        for (int i = 0; ; i++)
        {
            string key = "key" + i;
            if (fits(hash.Hash(Encoding.UTF8.GetBytes(key))))
            {
                yield return key;
            }
        }
    }

    /// <summary>What has expired goes: by a sweep, by a set in its place, in groups.</summary>
    [Theory]
    [InlineData("full bucket")]
    [InlineData("overflow of one")]
    [InlineData("long chain")]
    public void Every_store_of_what_is_done_with_a_record_that_has_expired(string beginning)
    {
        const long Past = 500_000;
        using DictionaryLab lab = new(2 << 20, "expired records") { Reorder = new Random(7) };
        Begin(lab, beginning);
        lab.Do(Expire(s_same[1], Past));
        lab.ExploreEach(beginning,
            [
                Sweep(),
                Set(s_same[1], "again"),
                Set(s_same[1], new string('y', 4000), Past),
                Remove(s_same[2]),
                Group(commit: true, Set(s_same[1], "again"), Set(s_same[2], "twice", Past)),
                Group(commit: false, Sweep(), Set(s_same[9], "new"), Set(s_same[1], "again")),
            ],
            Sweep());
    }

    /// <summary>The last block of a full heap has no room for a cache line behind its beginning.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    public void Every_store_of_a_change_of_the_heaps_last_block(int length)
    {
        using DictionaryLab lab = new(2 << 20, "the last block") { CrashRecoveryToo = false };
        lab.Do(Group(commit: true, Set("k1", "so that there is a log")));
        Fill(lab, "large", 140_000);
        lab.Do(Remove(LastKey(lab.World, out _)));
        Fill(lab, "k", length);
        Fill(lab, "m", length, inGroups: true); // groups may take the page that is kept for emergencies
        string last = LastKey(lab.World, out long behind);
        Assert.True(behind < 64, $"the last block is {behind} bytes from the end");
        lab.Do(Remove("k1"));
        var full = lab.Save();

        lab.Explore(Remove(last));
        lab.Explore(Set(last, new string('y', length)));
        lab.Restore(full, "full");
        lab.Explore(Set(last, new string('z', length)));
    }

    private static unsafe string LastKey(PersistentDictionary dictionary, out long fromTheEnd)
    {
        IHeapSpace space = dictionary.Core.Heap.Space;
        long last = HeapBlocks.Find(space).Keys.Max();
        fromTheEnd = space.Length - last;
        byte* record = space.Base + last;
        return Encoding.UTF8.GetString(RecordFormat.Key(record, *(ulong*)record));
    }

    private static void Fill(DictionaryLab lab, string prefix, int length, bool inGroups = false)
    {
        try
        {
            for (int i = 0; ; i++)
            {
                DictionaryOperation set = Set($"{prefix}{i}", new string('x', length));
                lab.Do(inGroups ? Group(commit: true, set) : set);
            }
        }
        catch (ArenaOutOfSpaceException)
        {
            // As it was meant.
        }
    }
}
