using GuestMemFs.Format;
using static GuestMemFs.CrashLab.ArenaOperation;

namespace GuestMemFs.CrashLab;

/// <summary>
/// The workload that has to notice every fault in the arena and its journal: short, and every place that stores or
/// calls the medium is in it.
/// </summary>
internal static class ArenaFaults
{
    private const long MiB = 1 << 20;
    private const long Capacity = 32 * MiB;

    private static readonly ArenaOperation[] s_operations =
    [
        Create("b", 2 * MiB), OpenOrCreate("b", 2 * MiB), CreateInVain(), Delete("a"), Rename("a", "c"),
        Grow("a", 4 * MiB), Freeze(), Compact(), CloseAndOpen(), KillAndOpen(),
    ];

    /// <summary>What the arena's own sources are, among all that store.</summary>
    public static bool IsPlace(string file) => file.Contains("/Journal/", StringComparison.Ordinal)
        || file.Contains("/PersistentArena/Arena/", StringComparison.Ordinal)
        || file.Contains("/Format/", StringComparison.Ordinal);

    public static IReadOnlyList<FaultScene> Scenes { get; } =
    [
        .. ((WorldKind[])[WorldKind.Kind, WorldKind.Strict, WorldKind.OlderLife]).SelectMany(Of),
        new("damage", ArenaDamage.Sweep),
        new("early ends", EarlyEnds),
    ];

    /// <summary>Writers that are killed are counted, until one has lived for long.</summary>
    private static void EarlyEnds()
    {
        using LabWorld world = new(WorldKind.Strict, 32L << 20);
        Persist.Trace = world;
        using ArenaProcess process = new(world);
        for (int killed = 0; killed < 3; killed++)
        {
            process.Open();
            RequireEarlyEnds(process, killed);
            process.Kill();
        }

        process.OpenDamaged(new CrashLoopPolicy { EarlyWithin = TimeSpan.FromTicks(1) });
        Thread.Sleep(1);
        process.Arena.CheckFiles();
        process.Kill();
        process.Open();
        RequireEarlyEnds(process, 0);
    }

    private static void RequireEarlyEnds(ArenaProcess process, int expected)
    {
        int found = process.Arena.AttachReport.EarlyEnds;
        if (found != expected)
        {
            throw new LabException($"{found} writers are said to have ended early, and {expected} did");
        }
    }

    private static IEnumerable<FaultScene> Of(WorldKind kind)
    {
        yield return new($"{kind}, creation", () => Creation(kind, weak: false));
        yield return new($"{kind}, creation, power loss", () => Creation(kind, weak: true));
        foreach (ArenaOperation operation in s_operations)
        {
            yield return new($"{kind}, {operation.Name}", () => Single(kind, operation, weak: false));
            yield return new($"{kind}, {operation.Name}, power loss", () => Single(kind, operation, weak: true));
        }

        yield return new($"{kind}, reuse", () => Reuse(kind));
    }

    private static ArenaLab Lab(WorldKind kind, bool weak) => weak
        ? new(kind, "seeded faults", Capacity)
        {
            SampleSeed = 1,
            PowerMode = kind == WorldKind.Kind,
            ExhaustiveWords = 3,
            CompareAll = false,
        }
        : new(kind, "seeded faults", Capacity) { ExhaustiveWords = 3, CompareAll = false };

    private static void Creation(WorldKind kind, bool weak)
    {
        using ArenaLab lab = Lab(kind, weak);
        lab.Explore(CreateArena());
        lab.Explore(Create("a", 3 * MiB));
    }

    private static void Single(WorldKind kind, ArenaOperation operation, bool weak)
    {
        using ArenaLab lab = Lab(kind, weak);
        Begin(lab);
        lab.Explore(operation);
        lab.CrashRecoveryToo = false;
        lab.Explore(CloseAndOpen());
    }

    private static void Begin(ArenaLab lab)
    {
        lab.Do(CreateArena());
        lab.Do(Create("a", 3 * MiB));
        lab.Begin("arena with a");
    }

    /// <summary>What a region left is scrubbed, where the next one gets it.</summary>
    private static void Reuse(WorldKind kind)
    {
        using ArenaLab lab = Lab(kind, weak: false);
        Begin(lab);
        lab.CrashRecoveryToo = false;
        foreach (ArenaOperation operation in (ArenaOperation[])[Delete("a"), Create("b", 3 * MiB), CreateInVain(),
            Freeze(), CloseAndOpen(), Thaw(), CloseAndOpen(), Create("v", 6 * MiB, RegionKind.GuestRam), Compact(),
            Compact(), KillAndOpen()])
        {
            lab.Explore(operation);
        }
    }
}
