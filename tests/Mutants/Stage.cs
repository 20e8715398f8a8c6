namespace GuestMemFs.Mutants;

/// <summary>A test project that judges mutants, and the part of it that does so.</summary>
/// <param name="Project">The test project's name.</param>
/// <param name="Compiles">
/// The project whose assembly is made anew: the library, or the lab, which compiles the library's sources itself.
/// </param>
/// <param name="Rooms">The library's rooms whose mutants it is asked about.</param>
/// <param name="Arguments">What the program is started with.</param>
internal sealed record Stage(string Project, string Compiles, string[] Rooms, string[] Arguments)
{
    private const string Library = "src/PersistentArena";

    private static readonly string[] s_metadata = ["Journal", "Arena"];
    private static readonly string[] s_data = ["Heap", "Collections"];

    // What takes seconds and is seldom the first to notice: the whole stages have it.
    private static readonly string[] s_withoutLong =
    [
        "-trait-", "speed=slow",
        .. WithoutMethods(
            "What_is_left_at_a_zones_end", "A_million_keys", "Readers_see_whole", "Readers_beside_writers",
            "A_full_heap_refuses", "In_a_heap_that_erases_what_was_removed", "Writers_of_all_sizes_beside",
            "of_sizes_that_drift", "Sizes_whose_median", "An_object_of_512", "Ten_thousand_regions"),
    ];

    // What looks at one thread's results: the fastest to notice.
    private static readonly string[] s_results = Classes(
        "Dictionary", "Expiry", "SipHash", "Checksum", "SortedMap", "SortedMapGroup", "Group", "Blocks", "Erasure",
        "Object");

    private static readonly string[] s_others = Classes(
        "Clear", "FullMedium", "Meeting", "Reader", "Reentry", "SortedMapMeeting", "Close", "Compaction",
        "DisposedUnderUsers", "HeapInRegion", "SharedHeap");

    /// <summary>What judges all, in the order in which it is asked: seconds each, for most mutants die of
    /// them.</summary>
    public static IReadOnlyList<Stage> Quick { get; } =
    [
        new("PersistentArena.Tests", Library, s_data, Tests([.. s_results, .. s_withoutLong])),
        new("PersistentArena.Tests", Library, s_metadata,
            Tests([.. Namespaces("Journal", "Format"), .. s_withoutLong])),
        new("ScheduleLab", "tests/ScheduleLab", s_data, ["pairs", "0"]),
        new("PersistentArena.Tests", Library, s_data, Tests([.. s_others, .. s_withoutLong])),
        new("PersistentArena.Tests", Library, s_metadata, Tests([.. Namespaces("Arena"), .. s_withoutLong])),
    ];

    /// <summary>What is asked about those who outlived the quick stages: minutes each.</summary>
    public static IReadOnlyList<Stage> Whole { get; } =
    [
        new("PersistentArena.Tests", Library, [.. s_data, .. s_metadata], Tests(
            Namespaces("Heap", "Collections", "Journal", "Arena", "Format", "Inspection"))),
        new("CrashLab", "tests/CrashLab", s_data, Tests(
            "-class", "*DictionaryCrashTests", "-class", "*SortedMapCrashTests", "-class", "*StateMachineTests")),
        new("CrashLab", "tests/CrashLab", s_metadata,
            Tests("-class", "*ArenaCrashTests", "-class", "*StateMachineTests")),
        new("ScheduleLab", "tests/ScheduleLab", s_data, Tests()),
    ];

    /// <summary>The assembly that is made anew.</summary>
    public string Assembly => Compiles == Library ? "GuestMemFs.PersistentArena" : Project;

    private static string[] Tests(params string[] filters) => [.. filters, "-stopOnFail", "-noColor", "-noLogo"];

    private static string[] Classes(params string[] names) =>
        [.. names.SelectMany(name => (string[])["-class", $"*.{name}Tests"])];

    private static string[] WithoutMethods(params string[] names) =>
        [.. names.SelectMany(name => (string[])["-method-", $"*{name}*"])];

    private static string[] Namespaces(params string[] rooms) =>
        [.. rooms.SelectMany(room => (string[])["-namespace", $"GuestMemFs.Tests.{room}"])];
}
