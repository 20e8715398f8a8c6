using static GuestMemFs.CrashLab.ArenaOperation;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Crash after every store and every call to the medium of every mutating operation of an arena, alone and in all
/// sequences of up to three.
/// </summary>
public sealed class ArenaCrashTests(ITestOutputHelper output)
{
    private const long MiB = 1 << 20;

    internal static readonly ArenaOperation[] Alphabet =
    [
        Create("b", 2 * MiB),
        Create("h", 2 * MiB, RegionKind.Heap, RegionReserve.OnDemand),
        Create("v", 6 * MiB, RegionKind.GuestRam),
        OpenOrCreate("b", 2 * MiB),
        CreateInVain(),
        Delete("a"),
        Delete("b"),
        Rename("a", "c"),
        Rename("b", "a"),
        Grow("a", MiB),
        Grow("a", 4 * MiB),
        MakeHeap("h"),
        Freeze(),
        Thaw(),
        Compact(),
        CloseAndOpen(),
        KillAndOpen(),
    ];

    /// <summary>
    /// Operations that end a sequence of three; each has its turn, as the seed says. The long profile takes all.
    /// </summary>
    private const int LastOperations = 2;

    private static readonly int s_seed = int.Parse(
        Environment.GetEnvironmentVariable("GMF_SEQUENCE_SEED") ?? $"{DateTime.UtcNow.DayOfYear}", null);

    [Theory]
    [InlineData(nameof(WorldKind.Kind))]
    [InlineData(nameof(WorldKind.Strict))]
    [InlineData(nameof(WorldKind.OlderLife))]
    public void Every_step_of_every_sequence_of_up_to_three_operations(string kind)
    {
        using ArenaLab lab = new(Enum.Parse<WorldKind>(kind), $"arena on {kind}");
        lab.Explore(CreateArena());
        lab.Explore(Create("a", 3 * MiB));
        lab.Begin("arena with a");
        lab.CrashRecoveryToo = kind != nameof(WorldKind.OlderLife);
        Random random = new(s_seed);
        ArenaOperation[] shuffled = [.. Alphabet];
        random.Shuffle(shuffled);
        ArenaOperation[] last = shuffled[..(kind == nameof(WorldKind.OlderLife) ? 0 : LastOperations)];
        output.WriteLine($"third operations of seed {s_seed} " +
            $"(GMF_SEQUENCE_SEED): {string.Join(" | ", last.Select(operation => operation.Name))}");
        Sequences(lab, Alphabet, last, random);
    }

    /// <summary>
    /// A round of the long profile: one first operation, any second, any third, and the recovery of some of the thirds.
    /// </summary>
    internal static void Round(int seed)
    {
        Random random = new(seed);
        WorldKind kind = Enum.GetValues<WorldKind>()[random.Next(3)];
        using ArenaLab lab = new(kind, $"arena on {kind}");
        lab.Do(CreateArena());
        lab.Do(Create("a", 3 * MiB));
        lab.Begin("arena with a");
        Sequences(lab, random.GetItems(Alphabet, 1), Alphabet, Alphabet, random);
    }

    /// <summary>The one commit that finds no room in the journal, and has to compact it first.</summary>
    [Theory]
    [InlineData(nameof(WorldKind.Kind))]
    [InlineData(nameof(WorldKind.Strict))]
    public void Every_step_of_the_compaction_of_a_full_journal(string kind)
    {
        using ArenaLab lab = new(Enum.Parse<WorldKind>(kind), $"arena on {kind}, full journal");
        string[] names = [new('a', 120), new('b', 120)];
        lab.Do(CreateArena());
        lab.Do(Create(names[0], 3 * MiB));
        int turn = 0, record = 0;
        for (int before = 0; lab.Process.Journal.Capacity - lab.Process.Journal.Length > 3 * record; turn++)
        {
            before = lab.Process.Journal.Length;
            lab.Do(Rename(names[turn & 1], names[~turn & 1]));
            lab.Settle();
            record = lab.Process.Journal.Length - before;
        }

        Assert.True(turn > 1000, $"full after {turn} changes");
        int longest = 0;
        for (int left = 8; lab.Process.Journal.Length >= longest; left--, turn++)
        {
            Assert.True(left > 0, "nothing was compacted");
            longest = lab.Process.Journal.Length;
            Assert.True(lab.Explore(Rename(names[turn & 1], names[~turn & 1])));
        }
    }

    /// <summary>What a weak order of stores (arm64) can leave, where every crash is that of a process.</summary>
    [Theory]
    [InlineData(nameof(WorldKind.Kind))]
    [InlineData(nameof(WorldKind.Strict))]
    public void Every_pair_under_a_weak_order_of_stores(string kind)
    {
        using ArenaLab lab = new(Enum.Parse<WorldKind>(kind), $"arena on {kind}, weak order") { SampleSeed = 11 };
        Singles(lab);
        lab.CrashRecoveryToo = false;
        Sequences(lab, Alphabet, []);
    }

    /// <summary>
    /// What a loss of power can leave on memory that outlives it, with the library's switch for that.
    /// </summary>
    [Fact]
    public void Every_pair_under_losses_of_power()
    {
        using ArenaLab lab = new(WorldKind.Kind, "arena, power loss") { SampleSeed = 12, PowerMode = true };
        Singles(lab);
        lab.CrashRecoveryToo = false;
        Sequences(lab, Alphabet, []);
    }

    [Fact]
    public void What_a_failed_creation_left_is_found_again_though_the_arena_is_closed_frozen()
    {
        using ArenaLab lab = new(WorldKind.Strict, "arena on Strict");
        foreach (ArenaOperation operation in (ArenaOperation[])[CreateArena(), CreateInVain(), Freeze(), CloseAndOpen(),
            CloseAndOpen(), Thaw(), CloseAndOpen()])
        {
            Assert.True(lab.Explore(operation), operation.Name);
        }
    }

    private static void Singles(ArenaLab lab)
    {
        lab.ExhaustiveWords = 8;
        lab.Explore(CreateArena());
        lab.Explore(Create("a", 3 * MiB));
        lab.Begin("arena with a");
        foreach (ArenaOperation operation in Alphabet)
        {
            lab.Restart();
            lab.Explore(operation);
        }

        lab.ExhaustiveWords = 3;
    }

    private static void Sequences(ArenaLab lab, ArenaOperation[] alphabet, ArenaOperation[] last,
        Random? random = null) => Sequences(lab, alphabet, alphabet, last, random);

    private static void Sequences(
        ArenaLab lab, ArenaOperation[] firsts, ArenaOperation[] seconds, ArenaOperation[] last, Random? random)
    {
        bool deeper = lab.CrashRecoveryToo;
        foreach (ArenaOperation first in firsts)
        {
            lab.Restart();
            lab.CrashRecoveryToo = deeper;
            if (!lab.Explore(first))
            {
                continue;
            }

            foreach (ArenaOperation second in seconds)
            {
                lab.Restart();
                lab.CrashRecoveryToo = deeper;
                lab.Do(first);
                if (!lab.Explore(second))
                {
                    continue;
                }

                foreach (ArenaOperation third in last)
                {
                    lab.Restart();
                    lab.Do(first);
                    lab.Do(second);
                    lab.CrashRecoveryToo = deeper && random?.Next(40) == 0; // Looked into for each pair already.
                    lab.Explore(third);
                }
            }
        }
    }
}
