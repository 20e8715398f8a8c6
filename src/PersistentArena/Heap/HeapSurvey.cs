namespace GuestMemFs.Heap;

/// <summary>
/// How full a stretch of a heap is. <paramref name="Pages"/> are of 64 KiB; <paramref name="UsedBytes"/> is an estimate where slabs were sampled.
/// </summary>
internal readonly record struct HeapStretch(long Pages, long UsedBytes, long FreeRunBytes, long FreeInSlabBytes, long Runs, long Slabs);

/// <summary>
/// What a heap's pages are, without opening it as a heap: for pictures. Reads beside a living writer, and then sees each page at another instant.
/// </summary>
internal static unsafe class HeapSurvey
{
    /// <summary>Looks at the pages below the frontier.</summary>
    /// <param name="space">The heap's memory.</param>
    /// <param name="stretches">In how many equal parts of the whole region to add up.</param>
    /// <param name="slabsPerStretch">How many slabs of a part are looked into; the others are taken to be as full as these.</param>
    /// <returns>The parts, the longest free run in bytes, and false where pages were met that make no sense (a writer is at them, or they are damaged).</returns>
    public static (HeapStretch[] Stretches, long LongestFreeRun, bool Consistent) Take(IHeapSpace space, int stretches, int slabsPerStretch)
    {
        var result = new HeapStretch[stretches];
        long pagesPerStretch = Math.Max(1, ((space.Length >> HeapFormat.PageShift) + stretches - 1) / stretches);
        long longest = 0;
        long freeBefore = 0;
        bool consistent = new HeapFrontier(space).TryRead(out long frontier);
        frontier = consistent ? frontier : HeapFormat.FirstPage;
        var sampled = new (int Slabs, double Full)[stretches];
        var table = new PageTable(space);
        for (long page = HeapFormat.FirstPage; page < frontier;)
        {
            long first = PageTable.FirstPageOf(PageTable.ZoneOf(page));
            if (page < first)
            {
                page = first;
                freeBefore = 0;
                continue;
            }

            if (!TryDescribe(table, page, out PageDescriptor descriptor) || descriptor.Kind == PageKind.Continuation || descriptor.Count > frontier - page)
            {
                consistent = false;
                freeBefore = 0;
                page++;
                continue;
            }

            int at = (int)Math.Min(stretches - 1, page / pagesPerStretch);
            long bytes = Math.Min(descriptor.Count, frontier - page) << HeapFormat.PageShift;
            bool freeRun = descriptor.Kind == PageKind.Run && BlockHeader.IsFree(Volatile.Read(ref *(ulong*)(space.Base + (page << HeapFormat.PageShift))), space.Epoch);
            freeBefore = freeRun ? freeBefore + bytes : 0;
            longest = Math.Max(longest, freeBefore);
            if (descriptor.Kind == PageKind.Slab)
            {
                ref (int Slabs, double Full) sample = ref sampled[at];
                double full = sample.Slabs < slabsPerStretch ? Full(space, page, descriptor.SizeClass, bytes >> HeapFormat.PageShift) : sample.Full / sample.Slabs;
                if (sample.Slabs < slabsPerStretch)
                {
                    sample = (sample.Slabs + 1, sample.Full + full);
                }

                Add(result, at, pagesPerStretch, page, bytes, (long)(bytes * full), 0, bytes - (long)(bytes * full), run: false);
            }
            else
            {
                Add(result, at, pagesPerStretch, page, bytes, freeRun ? 0 : bytes, freeRun ? bytes : 0, 0, run: true);
            }

            page += descriptor.Count;
        }

        return (result, longest, consistent);
    }

    /// <summary>A long run reaches over several stretches: each gets its share.</summary>
    private static void Add(HeapStretch[] result, int at, long pagesPerStretch, long page, long bytes, long used, long freeRun, long freeInSlab, bool run)
    {
        long left = bytes;
        for (bool first = true; left > 0; first = false)
        {
            long end = (at + 1L) * pagesPerStretch << HeapFormat.PageShift;
            long here = at == result.Length - 1 ? left : Math.Min(left, end - (page << HeapFormat.PageShift));
            double share = (double)here / bytes;
            ref HeapStretch stretch = ref result[at];
            stretch = new HeapStretch(
                stretch.Pages + (here >> HeapFormat.PageShift),
                stretch.UsedBytes + (long)(used * share),
                stretch.FreeRunBytes + (long)(freeRun * share),
                stretch.FreeInSlabBytes + (long)(freeInSlab * share),
                stretch.Runs + (run && first ? 1 : 0),
                stretch.Slabs + (!run && first ? 1 : 0));
            left -= here;
            page += here >> HeapFormat.PageShift;
            at++;
        }
    }

    private static double Full(IHeapSpace space, long page, int sizeClass, long pages)
    {
        long size = SizeClasses.SizeOf(sizeClass);
        int blocks = SizeClasses.SlabBlocks(sizeClass, pages);
        byte* block = space.Base + (page << HeapFormat.PageShift);
        int used = 0;
        for (int i = 0; i < blocks; i++, block += size)
        {
            used += BlockHeader.IsFree(Volatile.Read(ref *(ulong*)block), space.Epoch) ? 0 : 1;
        }

        return blocks == 0 ? 0 : (double)used / blocks;
    }

    private static bool TryDescribe(PageTable table, long page, out PageDescriptor descriptor)
    {
        try
        {
            descriptor = table[page];
            return true;
        }
        catch (HeapDamagedException)
        {
            descriptor = default;
            return false; // Counted by the caller: a survey says that something is wrong, check --deep says what.
        }
    }
}
