namespace GuestMemFs.ScheduleLab;

/// <summary>What the lab finds in the library as it is and nobody has mended yet. A test says that each is still found,
/// so that the mending takes it out of here; all other tests leave these scenarios out.</summary>
internal static class KnownFinds
{
    /// <summary>One scenario that shows each, with the number of preemptions it takes; the scenarios that are left out
    /// for it.</summary>
    public static IReadOnlyList<(string Shows, int Preemptions, Func<Scenario, bool> Covers)> All { get; } =
    [
    ];

    /// <summary>A reader of another process returns half of one value and half of another: the recovery frees a record
    /// and does not change the version.</summary>
    public static IReadOnlyList<string> AcrossDeaths { get; } =
        [];

    public static bool Covers(Scenario scenario) => All.Any(find =>
        find.Covers(scenario)) || CoversDeath(scenario);

    /// <summary>True for what is left out of the deaths under a reader.</summary>
    public static bool CoversDeath(Scenario scenario) =>
        Has(scenario, "get-elsewhere") && AcrossDeaths.Contains(scenario.Name);

    private static bool Has(Scenario scenario, string script) => scenario.Threads.Any(thread =>
        thread.Name.StartsWith(script, StringComparison.Ordinal));
}
