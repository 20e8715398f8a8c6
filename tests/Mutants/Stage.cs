namespace GuestMemFs.Mutants;

/// <summary>A test project that judges mutants, and the part of it that does so.</summary>
/// <param name="Project">The test project's name.</param>
/// <param name="Compiles">The project whose assembly is made anew: the library, or the lab, which compiles the library's sources itself.</param>
/// <param name="Assembly">That assembly.</param>
/// <param name="Filters">Arguments of the test runner.</param>
internal sealed record Stage(string Project, string Compiles, string Assembly, string[] Filters)
{
    /// <summary>In the order in which they are asked: the fast first.</summary>
    public static IReadOnlyList<Stage> All { get; } =
    [
        new("PersistentArena.Tests", "src/PersistentArena", "GuestMemFs.PersistentArena", ["-namespace", "GuestMemFs.Tests.Heap", "-namespace", "GuestMemFs.Tests.Collections", "-namespace", "GuestMemFs.Tests.Journal", "-namespace", "GuestMemFs.Tests.Arena", "-namespace", "GuestMemFs.Tests.Format"]),
        new("CrashLab", "tests/CrashLab", "CrashLab", ["-class", "*DictionaryCrashTests", "-class", "*ArenaCrashTests", "-class", "*StateMachineTests"]),
        new("ScheduleLab", "tests/ScheduleLab", "ScheduleLab", []),
    ];
}
