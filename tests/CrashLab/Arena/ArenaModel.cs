using System.Collections.Immutable;

namespace GuestMemFs.CrashLab;

/// <summary>What an arena should hold.</summary>
internal sealed record ArenaModel(bool Exists, bool Frozen, ImmutableSortedDictionary<string, RegionModel> Regions)
{
    /// <summary>Its last writer closed it.</summary>
    public bool Closed { get; init; }

    public static ArenaModel None { get; } = new(false, false,
        ImmutableSortedDictionary.Create<string, RegionModel>(StringComparer.Ordinal));

    public ArenaModel With(string name, RegionModel region) => this with { Regions = Regions.SetItem(name, region) };

    public ArenaModel Without(string name) => this with { Regions = Regions.Remove(name) };

    /// <summary>Names, kinds, sizes and states, in a line that an arena can be compared with.</summary>
    public override string ToString() => (Frozen ? "frozen" : "thawed") + string.Concat(Regions.Select(region =>
        $" {region.Key}:{region.Value.Kind}:{region.Value.Length}{(region.Value.Formatted ? ":heap" : "")}"));

    /// <summary>The same line of an arena that is there.</summary>
    public static string Describe(PersistentArena arena) =>
        (arena.IsFrozen ? "frozen" : "thawed") + string.Concat(arena.ListRegions().Select(region =>
            $" {region.Name}:{region.Kind}:{region.Length}{(region.IsFormatted ? ":heap" : "")}"));
}

/// <summary>What a region should hold: zeros but for a few words, or a heap with one key.</summary>
internal sealed record RegionModel(RegionKind Kind, long Length)
{
    public ImmutableDictionary<long, ulong> Words { get; init; } = ImmutableDictionary<long, ulong>.Empty;

    public bool Formatted { get; init; }

    /// <summary>Of the dictionary's one key; null where there is none.</summary>
    public string? Value { get; init; }

    /// <summary>
    /// The words that are written to prove a region's content: the first, one in the middle, and the last, next to the
    /// extent's identity.
    /// </summary>
    public static IEnumerable<long> Places(long length) => [0, length / 2 & -8, length - sizeof(ulong)];
}
