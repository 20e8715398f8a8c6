namespace GuestMemFs.Heap;

/// <summary>All allocated blocks of a heap, found by looking at every page. For checks: it walks the data.</summary>
internal static unsafe class HeapBlocks
{
    /// <summary>Offsets of the allocated blocks with the bytes each one takes. The heap must stand still.</summary>
    public static Dictionary<long, long> Find(IHeapSpace space)
    {
        Dictionary<long, long> blocks = [];
        foreach ((long page, PageDescriptor unit) in new PageTable(space).Units(new HeapFrontier(space).Read()))
        {
            long start = page << HeapFormat.PageShift;
            for (int i = 0; i < unit.Blocks; i++, start += unit.BlockSize)
            {
                if (BlockHeader.IsAllocated(*(ulong*)(space.Base + start)))
                {
                    blocks.Add(start, unit.BlockSize);
                }
            }
        }

        return blocks;
    }
}
