using GuestMemFs.Cli.Terminal;


namespace GuestMemFs.Cli.Facts;

/// <summary>What commands ask of an inspection that the library leaves to them.</summary>
internal static class Inspections
{
    /// <summary>What an arena says, where it opens.</summary>
    /// <exception cref="ArenaException">It does not open.</exception>
    public static ArenaSnapshot ReadSound(this ArenaInspection inspection)
    {
        ArenaSnapshot arena = inspection.Read();
        return arena.Refusal is { } refusal ? throw refusal : arena;
    }

    /// <summary>A region that must be there.</summary>
    /// <exception cref="GmfsException">There is none of that name.</exception>
    public static RegionSnapshot Require(this ArenaSnapshot arena, string name, ArenaReference place) =>
        arena.Find(name) ?? throw NoRegion(name, place, arena.Regions.Count);

    /// <summary>A refusal: there is no such region.</summary>
    public static GmfsException NoRegion(string name, ArenaReference place, int regions) => new(
        ExitCode.NotFound,
        $"There is no region '{name}' among the {Sizes.Count(regions, "region")} of the arena in {place.Text}.",
        ReasonCodes.RegionNotFound);
}
