using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;


namespace GuestMemFs.Cli.Checking;

/// <summary>What the library finds wrong with an arena, and what of the tool's own lies about in it.</summary>
internal static class ArenaCheck
{
    /// <summary>Checks an arena.</summary>
    /// <param name="place">Where it lies.</param>
    /// <param name="deep">Walk the heaps too, all of them. Keeps writers out meanwhile.</param>
    /// <exception cref="ArenaInUseException">Deep, and there is a writer.</exception>
    public static CheckReport Run(ArenaReference place, bool deep)
    {
        using ArenaInspection inspection = place.Inspect();
        ArenaVerification it = inspection.Verify(deep);
        return new CheckReport(
            place.Text,
            it.Arena.Metadata.Superblock?.ArenaId,
            WriterFacts.State(it.Arena),
            new Checked(it.Arena.Regions.Count, it.FileCount, it.Arena.Metadata.JournalUsedBytes, it.HeapCount,
                it.HeapsWalked),
            [.. it.Findings.Select(Finding.Of).Concat(HalfRestored(it.Arena)).OrderByDescending(finding =>
                finding.Severity)]);
    }

    private static IEnumerable<Finding> HalfRestored(ArenaSnapshot arena) => arena.Regions
        .Where(region => RegionDump.IsRestoring(region.Info.Name) && !arena.HasWriter)
        .Select(region => Finding.Warning(
            FindingCodes.HalfRestored, region.Info.Name,
            "A restore into it was interrupted; it is no region of anybody's."));
}
