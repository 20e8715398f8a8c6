using static GuestMemFs.CrashLab.ArenaOperation;

namespace GuestMemFs.CrashLab;

/// <summary>Crash after every store and every call to the medium of every mutating operation of an arena, alone and in all sequences of up to three.</summary>
public sealed class ArenaCrashTests
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

    // What ends a sequence of three: one of each kind.
    private static readonly ArenaOperation[] s_last = [Create("b", 2 * MiB), Create("v", 6 * MiB, RegionKind.GuestRam), Delete("b"), Rename("b", "a"), Grow("a", 4 * MiB), MakeHeap("h"), Thaw(), Compact(), KillAndOpen()];

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
        Sequences(lab, Alphabet, kind == nameof(WorldKind.OlderLife) ? [] : s_last);
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

    /// <summary>What a loss of power can leave on memory that outlives it, with the library's switch for that.</summary>
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
        foreach (ArenaOperation operation in (ArenaOperation[])[CreateArena(), CreateInVain(), Freeze(), CloseAndOpen(), CloseAndOpen(), Thaw(), CloseAndOpen()])
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

    internal static void Sequences(ArenaLab lab, ArenaOperation[] alphabet, ArenaOperation[] last)
    {
        bool deeper = lab.CrashRecoveryToo;
        foreach (ArenaOperation first in alphabet)
        {
            lab.Restart();
            lab.CrashRecoveryToo = deeper;
            if (!lab.Explore(first))
            {
                continue;
            }

            foreach (ArenaOperation second in alphabet)
            {
                lab.Restart();
                lab.CrashRecoveryToo = deeper;
                lab.Do(first);
                if (!lab.Explore(second))
                {
                    continue;
                }

                lab.CrashRecoveryToo = false; // Looked into for each pair already.
                foreach (ArenaOperation third in last)
                {
                    lab.Restart();
                    lab.Do(first);
                    lab.Do(second);
                    lab.Explore(third);
                }
            }
        }
    }
}
