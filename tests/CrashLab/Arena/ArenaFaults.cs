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

    private static readonly ArenaOperation[] s_operations =
    [
        Create("b", 2 * MiB), OpenOrCreate("b", 2 * MiB), CreateInVain(), Delete("a"), Rename("a", "c"),
        Grow("a", 4 * MiB), Freeze(), Compact(), CloseAndOpen(), KillAndOpen(),
    ];

    /// <summary>What the arena's own sources are, among all that store.</summary>
    public static bool IsPlace(string file) => file.Contains("/Journal/", StringComparison.Ordinal)
        || file.Contains("/PersistentArena/Arena/", StringComparison.Ordinal)
        || file.Contains("/Format/", StringComparison.Ordinal);

    public static void Workload()
    {
        foreach (WorldKind kind in (WorldKind[])[WorldKind.Kind, WorldKind.Strict, WorldKind.OlderLife])
        {
            using (ArenaLab lab = new(kind, "seeded faults"))
            {
                Singles(lab, s_operations);
                Reuse(lab);
            }

            using ArenaLab weak = new(kind, "seeded faults") { SampleSeed = 1, PowerMode = kind == WorldKind.Kind };
            Singles(weak, s_operations);
        }

        ArenaDamage.Sweep();
        EarlyEnds();
    }

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

    private static void Singles(ArenaLab lab, ArenaOperation[] operations)
    {
        lab.ExhaustiveWords = 3;
        lab.Explore(CreateArena());
        lab.Explore(Create("a", 3 * MiB));
        lab.Begin("arena with a");
        foreach (ArenaOperation operation in operations)
        {
            lab.Restart();
            lab.Explore(operation);
            lab.CrashRecoveryToo = false;
            lab.Explore(CloseAndOpen());
            lab.CrashRecoveryToo = true;
        }
    }

    /// <summary>What a region left is scrubbed, where the next one gets it.</summary>
    private static void Reuse(ArenaLab lab)
    {
        lab.Restart();
        lab.CrashRecoveryToo = false;
        foreach (ArenaOperation operation in (ArenaOperation[])[Delete("a"), Create("b", 3 * MiB), CreateInVain(),
            Freeze(), CloseAndOpen(), Thaw(), CloseAndOpen(), Create("v", 6 * MiB, RegionKind.GuestRam), Compact(),
            Compact(), KillAndOpen()])
        {
            lab.Explore(operation);
        }

        lab.CrashRecoveryToo = true;
    }
}
