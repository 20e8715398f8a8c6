using GuestMemFs.Cli.Facts;

namespace GuestMemFs.Cli.Checking;

/// <summary>Says from which NUMA nodes a region's memory is taken, and where it lies: what the kernel says.</summary>
internal static class NumaFinding
{
    /// <summary>Of each region that there is something to say of.</summary>
    public static IEnumerable<Finding> OfAll(ArenaInspection inspection, ArenaSnapshot arena)
    {
        const int pagesOfAll = 65_536; // Milliseconds, however many regions there are.
        int pages = Math.Clamp(pagesOfAll / Math.Max(arena.Regions.Count, 1), 1, ArenaInspection.DefaultNumaPages);
        return arena.Regions.Select(region => Of(inspection, region.Info.Name, pages)).OfType<Finding>();
    }

    /// <summary>Null where there is nothing to say: one node and no policy, or a region that does not open.</summary>
    /// <param name="inspection">The arena.</param>
    /// <param name="region">The region's name.</param>
    /// <param name="pages">How many of its pages to look at.</param>
    private static Finding? Of(ArenaInspection inspection, string region, int pages)
    {
        RegionNuma numa;
        try
        {
            numa = inspection.ReadNuma(region, pages);
        }
        catch (ArenaException)
        {
            return null; // Why it does not open is answered where it was asked.
        }

        bool hasPolicy = numa.Policy is { Mode: not NumaMode.Local };
        if (!hasPolicy && !HasSeveralNodes())
        {
            return null;
        }

        string policy = numa.Policy is null ? "its writer's attach report says how"
            : hasPolicy ? $"by {numa.Policy}" : "on the node of the processor that touches it first";
        string text = $"New memory is taken {policy}. {Where(numa.Nodes)}";
        return numa.HasPagesElsewhere
            ? new Finding(FindingSeverity.Note, FindingCodes.NumaPlacement, region,
                text + " Some was taken before the policy was set, and stays where it is.",
                "Stop the writer, then 'migratepages', or 'gmfs dump' and a restore with the policy.")
            : Finding.Note(FindingCodes.NumaPlacement, region, text);
    }

    private static string Where(IReadOnlyList<NodeShare> nodes)
    {
        int all = nodes.Sum(share => share.Pages);
        return all == 0 ? "The kernel does not tell where its pages lie."
            : $"Of {all:N0} pages looked at, " + string.Join(", ", nodes.Select(share =>
                $"{share.Pages:N0} lie on node {share.Node}")) + ".";
    }

    private static bool HasSeveralNodes()
    {
        try
        {
            return File.ReadAllText("/sys/devices/system/node/has_memory").AsSpan().IndexOfAny(',', '-') >= 0;
        }
        catch (IOException)
        {
            return false; // The kernel tells of none.
        }
    }
}
