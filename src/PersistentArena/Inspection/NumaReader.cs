using GuestMemFs.Heap;
using GuestMemFs.Native;

namespace GuestMemFs.Inspection;

/// <summary>Asks the kernel from which NUMA nodes a region's memory is taken, and on which it lies.</summary>
internal static class NumaReader
{
    /// <param name="region">The region, as a reader opens it.</param>
    /// <param name="policyIsOfFile">True where the kernel keeps the policy with the file.</param>
    /// <param name="pages">How many pages to look at.</param>
    public static RegionNuma Read(PersistentRegion region, bool policyIsOfFile, int pages)
    {
        SortedDictionary<int, int> nodes = PagePlacement.Sample(region.Address, Backed(region), pages);
        return new RegionNuma(
            policyIsOfFile ? region.ReadNuma() : null, [.. nodes.Select(it => new NodeShare(it.Key, it.Value))]);
    }

    // Bytes that have memory, or may be asked whether they do: of a file of another user mincore says that every page
    // is there, and to look at a hole would fill it.
    private static long Backed(PersistentRegion region) =>
        region.ReservesAll || Environment.IsPrivilegedProcess ? region.Length
            : InspectedArena.HeapOf(region) is { } heap && new HeapFrontier(heap).TryRead(out long page)
            ? page << HeapFormat.PageShift
            : 0;
}
