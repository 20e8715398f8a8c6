namespace GuestMemFs.CrashLab;

/// <summary>
/// A short piece of work that has to notice a seeded fault: whole in itself, so that a fault runs in those scenes only
/// that come to its place.
/// </summary>
internal sealed record FaultScene(string Name, Action Run);

/// <summary>What one part of the library is tried with.</summary>
/// <param name="Scenes">Together they come to every place.</param>
/// <param name="IsPlace">True for the part's own sources.</param>
internal sealed record FaultWorkload(IReadOnlyList<FaultScene> Scenes, Func<string, bool> IsPlace)
{
    /// <summary>The one of a part's name.</summary>
    public static FaultWorkload Of(string part) => part switch
    {
        "arena" => new(ArenaFaults.Scenes, ArenaFaults.IsPlace),
        "sorted map" => new(SortedMapCrashTests.FaultScenes, SortedMapCrashTests.IsPlace),
        "roots" => new(RootCrashTests.FaultScenes, RootCrashTests.IsPlace),
        "log" => new(LogCrashTests.FaultScenes, LogCrashTests.IsPlace),
        _ => new([.. DictionaryCrashTests.FaultScenes, .. ObjectCrashTests.FaultScenes],
            file => !ArenaFaults.IsPlace(file)),
    };
}
