using System.Globalization;

namespace GuestMemFs.Dumps;

/// <summary>
/// The names of regions that are being restored. A region gets its own name when every byte of it is there; one that
/// was killed on the way has a name of these, and the next restore or repair removes it.
/// </summary>
internal static class RestoringRegion
{
    private const string Prefix = "gmfs.restoring.";

    public static string NewName() => Prefix + Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture);

    public static bool Is(string name) => name.StartsWith(Prefix, StringComparison.Ordinal)
        && Guid.TryParseExact(name[Prefix.Length..], "N", out _);

    /// <summary>Removes what interrupted restores left.</summary>
    /// <returns>How many there were.</returns>
    public static int RemoveAll(PersistentArena arena)
    {
        int count = 0;
        foreach (RegionInfo region in arena.ListRegions())
        {
            if (Is(region.Name))
            {
                arena.DeleteRegion(region.Name);
                count++;
            }
        }

        return count;
    }
}
