namespace GuestMemFs.Native;

/// <summary>On which NUMA nodes the pages of a mapping lie, as the kernel says it.</summary>
internal static unsafe class PagePlacement
{
    private static readonly int s_movePages = MemoryPolicy.IsArm ? 239 : 279;

    /// <summary>
    /// Looks at pages at even distances, so that it takes milliseconds at any size. Gives no page memory: those without
    /// are left out.
    /// </summary>
    /// <param name="address">Aligned to a page, mapped.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="most">How many pages to look at.</param>
    /// <returns>How many of them lie on each node, by its number; empty where the kernel does not tell.</returns>
    /// <remarks>
    /// mincore(2) says whether a page is there, and of a file that the process may not write it says so of every page:
    /// the caller sees to that. A page has to be in the process's page table for move_pages(2) to tell its node.
    /// </remarks>
    public static SortedDictionary<int, int> Sample(nint address, long length, int most)
    {
        long pages = length / PageSizes.Small;
        int count = (int)Math.Min(pages, most);
        nint[] there = new nint[count];
        int found = 0;
        for (int i = 0; i < count; i++)
        {
            nint page = address + (nint)((long)((Int128)pages * i / count) * PageSizes.Small);
            byte resident;
            if (Libc.MinCore(page, (nuint)PageSizes.Small, &resident) == 0 && (resident & 1) != 0
                && HugePages.Populate(page, PageSizes.Small, write: false) == 0)
            {
                there[found++] = page;
            }
        }

        return Count(there.AsSpan(0, found));
    }

    private static SortedDictionary<int, int> Count(ReadOnlySpan<nint> pages)
    {
        int[] nodes = new int[pages.Length];
        fixed (nint* first = pages)
        fixed (int* status = nodes)
        {
            var range = new Libc.AddressRange(0, pages.Length); // 0: of this process
            if (pages.IsEmpty || Libc.SystemCall(s_movePages, range, (nint)first, 0, (nint)status, 0) != 0)
            {
                return [];
            }
        }

        var counts = new SortedDictionary<int, int>();
        foreach (int node in nodes)
        {
            if (node >= 0) // Else an errno: guestmemfs and DAX have no page that could be moved.
            {
                counts[node] = counts.GetValueOrDefault(node) + 1;
            }
        }

        return counts;
    }
}
