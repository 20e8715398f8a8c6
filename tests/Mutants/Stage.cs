namespace GuestMemFs.Mutants;

/// <summary>A program that judges mutants, in parts that can be run alone.</summary>
/// <param name="Name">Of the stage, in results.</param>
/// <param name="Project">The program.</param>
/// <param name="Units">The parts: each an argument (a class, a scene, a beginning).</param>
/// <param name="Arguments">What the program is started with for some of the parts.</param>
internal sealed record Stage(
    string Name, string Project, IReadOnlyList<string> Units, Func<IEnumerable<string>, string[]> Arguments)
{
    /// <summary>Whether it is asked only about those that outlived the others.</summary>
    public bool IsLong { get; init; }

    /// <summary>What is asked of it about one mutant at most, in processor time.</summary>
    public double MostSeconds { get; init; } = 15;

    /// <summary>The stage that reaches the same, and how many times longer this one takes; null where it has to be
    /// looked at itself.</summary>
    public (string Stage, double Times)? Like { get; init; }

    /// <summary>The project whose assembly is made anew: the library, or a lab, which compiles its sources.</summary>
    public string Compiles => Project == Tests ? "src/PersistentArena" : $"tests/{Project}";

    public string Assembly => Project == Tests ? "GuestMemFs.PersistentArena" : Project;

    /// <summary>The projects whose programs judge.</summary>
    public static string[] Projects { get; } = [Tests, CrashLab, ScheduleLab];

    private const string Tests = "PersistentArena.Tests";
    private const string CrashLab = "CrashLab";
    private const string ScheduleLab = "ScheduleLab";

    private static readonly string[] s_folders =
        ["Heap", "Collections", "Journal", "Arena", "Format", "Inspection", "Typed", "Api", "Dumps", "Media"];

    // What needs minutes, or a quiet machine.
    private static readonly string[] s_leftOut = [.. new[]
    {
        "What_is_left_at_a_zones_end", "A_million_keys", "An_object_of_512", "Ten_thousand_regions",
    }.SelectMany(name => (string[])["-method-", $"*{name}*"])];

    /// <summary>All.</summary>
    /// <param name="program">Where a program lies.</param>
    /// <param name="slowToo">Whether tests that take more than some seconds each are asked.</param>
    public static IReadOnlyList<Stage> All(Func<string, string> program, bool slowToo)
    {
        string[] classes = ClassesOf(program(Tests));
        string[] slow = slowToo ? ClassesOf(program(Tests), "-trait", "speed=slow") : [];
        string[] scenes = Programs.Run(program(CrashLab), "/", "scenes").Split(
            '\n', StringSplitOptions.RemoveEmptyEntries);
        string[] beginnings = Programs.Run(program(ScheduleLab), "/", "beginnings").Split(
            '\n', StringSplitOptions.RemoveEmptyEntries);
        return
        [
            new("unit tests", Tests, classes, some => [.. Classes(some), "-trait-", "speed=slow", .. s_leftOut]),
            new("crash scenes", CrashLab, scenes, some => ["scenes", .. some]),
            new("pairs", ScheduleLab, beginnings, some => ["pairs", "0", Beginnings(some)]),
            new("pairs, one preemption", ScheduleLab, beginnings, some =>
                ["pairs", "1", Beginnings(some)]) { IsLong = true, MostSeconds = 8, Like = ("pairs", 20) },
            new("pairs, crashes", ScheduleLab, beginnings, some =>
                ["pairs", "0", Beginnings(some), "crashes"]) { IsLong = true, MostSeconds = 8, Like = ("pairs", 15) },
            new("slow unit tests", Tests, slow, some =>
                [.. Classes(some), "-trait", "speed=slow", .. s_leftOut]) { IsLong = true },
        ];
    }

    private static string[] ClassesOf(string tests, params string[] filter) =>
        [.. Programs.Run(tests, "/", [.. filter, "-list", "classes", "-noColor", "-noLogo"]).Split('\n').Where(name =>
            s_folders.Any(folder => name.StartsWith($"GuestMemFs.Tests.{folder}.", StringComparison.Ordinal)))];

    private static string Beginnings(IEnumerable<string> names) => string.Join(',', names.Select(name => name + "/"));

    private static string[] Classes(IEnumerable<string> names) =>
        [.. names.SelectMany(name => (string[])["-class", name]), "-stopOnFail", "-noColor", "-noLogo"];
}
