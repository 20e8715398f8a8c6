namespace GuestMemFs.Mutants;

/// <summary>A test project that judges mutants, and the part of it that does so.</summary>
/// <param name="Project">The test project's name.</param>
/// <param name="Compiles">
/// The project whose assembly is made anew: the library, or the lab, which compiles the library's sources itself.
/// </param>
/// <param name="Rooms">The library's rooms whose mutants it is asked about.</param>
/// <param name="Filters">Arguments of the test runner.</param>
internal sealed record Stage(string Project, string Compiles, string[] Rooms, string[] Filters)
{
    private const string Library = "src/PersistentArena";

    private static readonly string[] s_metadata = ["Journal", "Arena"];
    private static readonly string[] s_data = ["Heap", "Collections"];

    /// <summary>In the order in which they are asked: the fast first.</summary>
    public static IReadOnlyList<Stage> All { get; } =
    [
        new("PersistentArena.Tests", Library, s_data, Namespaces("Heap", "Collections")),
        new("PersistentArena.Tests", Library, s_metadata, Namespaces("Journal", "Arena", "Format")),
        new("CrashLab", "tests/CrashLab", s_data, ["-class", "*DictionaryCrashTests", "-class", "*StateMachineTests"]),
        new("CrashLab", "tests/CrashLab", s_metadata, ["-class", "*ArenaCrashTests", "-class", "*StateMachineTests"]),
        new("ScheduleLab", "tests/ScheduleLab", s_data, []),
    ];

    /// <summary>The assembly that is made anew.</summary>
    public string Assembly => Compiles == Library ? "GuestMemFs.PersistentArena" : Project;

    private static string[] Namespaces(params string[] rooms) =>
        [.. rooms.SelectMany(room => (string[])["-namespace", $"GuestMemFs.Tests.{room}"])];
}
