namespace GuestMemFs.Heap;

/// <summary>All allocated blocks of a heap, found by looking at every page. For checks: it walks the data.</summary>
internal static unsafe class HeapBlocks
{
    /// <summary>Offsets of the allocated blocks with the bytes each one takes. The heap must stand still.</summary>
    public static Dictionary<long, long> Find(IHeapSpace space)
    {
        PageTable table = new(space);
        Dictionary<long, long> blocks = [];
        long frontier = new HeapFrontier(space).Read();
        for (long page = HeapFormat.FirstPage; page < frontier;)
        {
            long first = PageTable.FirstPageOf(PageTable.ZoneOf(page));
            if (page < first)
            {
                page = first;
                continue;
            }

            PageDescriptor descriptor = table.First(page, frontier);
            long start = page << HeapFormat.PageShift;
            long size = descriptor.Kind == PageKind.Slab ? SizeClasses.SizeOf(descriptor.SizeClass) : descriptor.Count << HeapFormat.PageShift;
            int count = descriptor.Kind == PageKind.Slab ? SizeClasses.SlabBlocks(descriptor.SizeClass, descriptor.Count) : 1;
            for (int i = 0; i < count; i++, start += size)
            {
                if (BlockHeader.IsAllocated(*(ulong*)(space.Base + start)))
                {
                    blocks.Add(start, size);
                }
            }

            page += descriptor.Count;
        }

        return blocks;
    }
}
