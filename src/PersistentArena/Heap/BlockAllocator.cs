using System.Runtime.CompilerServices;
using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// Blocks of any size. Small ones come from slabs through the lane's cache, large ones are runs of pages. Nothing here is needed to survive:
/// which block is free stands in its header.
/// </summary>
/// <remarks>
/// Order of search for a small block: the lane's cache, the shared stack of its class, slabs with known free blocks, slabs not looked into since the attach (a
/// bounded number a call), a fresh slab; and when the region is full, everything that is left to be looked at.
/// </remarks>
internal sealed unsafe class BlockAllocator
{
    private const long SharedBytes = 256 << 10;
    private const long TrimPages = 64;
    private const int SlabsPerCall = 8;
    private const int PagesPerCall = 256;
    private const int SlabShare = 16;

    private readonly Lock _lock = new();
    private readonly IHeapSpace _space;
    private readonly PageTable _table;
    private readonly RunAllocator _runs;
    private readonly PageWalker _walker;
    private readonly Shared[] _shared = new Shared[SizeClasses.Count];
    private readonly Dictionary<long, int> _released = [];
    private readonly ulong _reserved;
    private long _trimmedAt;

    private sealed class Shared
    {
        /// <summary>Reserved blocks in nobody's cache.</summary>
        public List<long> Blocks { get; } = [];

        /// <summary>Slabs with blocks whose headers say free; may be stale.</summary>
        public Stack<long> Partial { get; } = new();
    }

    public BlockAllocator(IHeapSpace space)
    {
        _space = space;
        _table = new PageTable(space);
        _runs = new RunAllocator(space, _table);
        _walker = new PageWalker(space, _table, _runs);
        _reserved = BlockHeader.Reserved(space.Epoch);
        _trimmedAt = _runs.Frontier;
        for (int i = 0; i < _shared.Length; i++)
        {
            _shared[i] = new Shared();
        }
    }

    /// <summary>Bytes from the region's start to the frontier.</summary>
    public long FrontierBytes => _runs.Frontier << HeapFormat.PageShift;

    /// <summary>Bytes of free runs that are known of.</summary>
    public long KnownFreeBytes => _runs.FreePages << HeapFormat.PageShift;

    /// <summary>Bytes that were never handed out.</summary>
    public long BytesBeyondFrontier => _runs.PagesBeyondFrontier << HeapFormat.PageShift;

    /// <summary>Has something looked at before the heap's pages are searched for room, which a damaged header would look like; at once where they were.</summary>
    public void BeforeSearch(Action check)
    {
        lock (_lock)
        {
            _walker.Before(check);
        }
    }

    /// <summary>Takes a block for so many bytes. It stays free to a crash until its header is stored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long Take(Lane lane, long size)
    {
        if (size <= SizeClasses.Largest && lane.Cache.TryPop(SizeClasses.ClassOf(size), out long block))
        {
            return block;
        }

        return TakeSlow(lane, size, emergency: lane.InGroup);
    }

    /// <summary>Gives a block back whose header is free or reserved: freed by the caller's change, or taken and not used.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Give(Lane lane, long block, long size)
    {
        if (size > SmallSlabLimit || !lane.Cache.TryPush(SizeClasses.ClassOf(size), block))
        {
            GiveSlow(lane, block, size);
        }
    }

    private void GiveSlow(Lane lane, long block, long size)
    {
        try
        {
            if (size > SizeClasses.Largest || (size > SmallSlabLimit && IsRun(block)))
            {
                GiveRun(block);
            }
            else if (size <= SmallSlabLimit || !lane.Cache.TryPush(SizeClasses.ClassOf(size), block))
            {
                Spill(lane, SizeClasses.ClassOf(size), block);
            }
        }
        catch (HeapDamagedException)
        {
            // The change that freed the block is true already: it stays where it is, free, and whoever looks for room there is told of the damage.
        }
    }

    /// <summary>Sizes whose slab is one page never fall back to a run.</summary>
    private const long SmallSlabLimit = 4096;

    private bool IsRun(long block) =>
        (block & (HeapFormat.PageSize - 1)) == 0 && _table[block >> HeapFormat.PageShift].Kind == PageKind.Run;

    private long TakeSlow(Lane lane, long size, bool emergency)
    {
        lock (_lock)
        {
            if (size > SizeClasses.Largest)
            {
                _walker.Walk(PagesPerCall);
                return TakeRun(lane, size, emergency, backed: true);
            }

            int sizeClass = SizeClasses.ClassOf(size);
            if (Refill(lane, sizeClass, emergency))
            {
                lane.Cache.TryPop(sizeClass, out long block);
                return block;
            }

            return size > SmallSlabLimit ? TakeRun(lane, size, emergency, backed: true) : throw OutOfSpace(size);
        }
    }

    /// <summary>A run whose memory the caller takes from the medium piece by piece.</summary>
    public long TakeUnbacked(Lane lane, long size)
    {
        lock (_lock)
        {
            return TakeRun(lane, size, emergency: false, backed: false);
        }
    }

    private long TakeRun(Lane lane, long size, bool emergency, bool backed)
    {
        TrimBeforeGrowth();
        long pages = (size + HeapFormat.PageSize - 1) >> HeapFormat.PageShift;
        long start = _runs.TryTake(pages, backed, emergency);
        if (start == 0)
        {
            FindEverything();
            start = _runs.TryTake(pages, backed, emergency);
        }

        if (start == 0)
        {
            GiveUpKept(lane);
            FindEverything();
            start = _runs.TryTake(pages, backed, emergency);
        }

        return start != 0
            ? start << HeapFormat.PageShift
            : throw OutOfSpace(size);
    }

    private ArenaOutOfSpaceException OutOfSpace(long size) =>
        HeapErrors.OutOfSpace(_space, size, KnownFreeBytes + BytesBeyondFrontier, _runs.MediumFull);

    private bool Refill(Lane lane, int sizeClass, bool emergency)
    {
        Shared shared = _shared[sizeClass];
        return FromShared(lane, sizeClass, shared)
            || FromPartial(lane, sizeClass, shared)
            || FromUnscanned(lane, sizeClass, shared, SlabsPerCall)
            || FromFresh(lane, sizeClass, emergency)
            || FromAnywhere(lane, sizeClass, shared, emergency)
            || FromKept(lane, sizeClass, shared, emergency);
    }

    private static bool FromShared(Lane lane, int sizeClass, Shared shared)
    {
        int take = Math.Min(BatchOf(sizeClass), shared.Blocks.Count);
        for (int i = 0; i < take; i++)
        {
            lane.Cache.TryPush(sizeClass, shared.Blocks[^1]);
            shared.Blocks.RemoveAt(shared.Blocks.Count - 1);
        }

        return take > 0;
    }

    private bool FromPartial(Lane lane, int sizeClass, Shared shared)
    {
        while (shared.Partial.TryPop(out long page))
        {
            if (_released.GetValueOrDefault(page) > 0 && _table[page] is { Kind: PageKind.Slab } slab && slab.SizeClass == sizeClass)
            {
                Collect(page, sizeClass, shared);
                return FromShared(lane, sizeClass, shared);
            }
        }

        return false;
    }

    private bool FromUnscanned(Lane lane, int sizeClass, Shared shared, int slabs)
    {
        for (; slabs > 0; slabs--)
        {
            if (!_walker.TryTakeUnscanned(sizeClass, out long page))
            {
                _walker.Walk(PagesPerCall);
                if (!_walker.TryTakeUnscanned(sizeClass, out page))
                {
                    return false;
                }
            }

            Collect(page, sizeClass, shared);
            if (FromShared(lane, sizeClass, shared))
            {
                return true;
            }
        }

        return false;
    }

    private bool FromFresh(Lane lane, int sizeClass, bool emergency)
    {
        int pages = SizeClasses.SlabPages(sizeClass);
        if (pages > 1 && _space.Length >> HeapFormat.PageShift < pages * SlabShare)
        {
            return false; // a slab would be too large a part of this heap: such blocks are runs of their own here
        }

        TrimBeforeGrowth();
        int fewest = SizeClasses.FewestSlabPages(sizeClass);
        while (pages > fewest && _runs.FreePages >= pages && !_runs.HasFree(pages))
        {
            pages = Math.Max(pages / 2, fewest); // there is room, but not side by side: a small slab is better than more memory
        }

        long page = _runs.TryTake(pages, backed: true, emergency && pages == 1);
        if (page == 0)
        {
            return false;
        }

        long size = SizeClasses.SizeOf(sizeClass);
        long start = page << HeapFormat.PageShift;
        long end = start + (SizeClasses.SlabBlocks(sizeClass, pages) * size);
        for (long block = start; block < end; block += size)
        {
            Persist.Store((ulong*)(_space.Base + block), _reserved);
        }

        for (int i = 1; i < pages; i++)
        {
            _table.Store(page + i, PageDescriptor.Continuation(i));
        }

        _table.Publish(page, PageDescriptor.Slab(sizeClass, pages));
        _released[page] = 0;
        lane.Cache.SetRange(sizeClass, start, end);
        return true;
    }

    private bool FromAnywhere(Lane lane, int sizeClass, Shared shared, bool emergency)
    {
        FindEverything();
        return FromShared(lane, sizeClass, shared)
            || FromPartial(lane, sizeClass, shared)
            || FromUnscanned(lane, sizeClass, shared, int.MaxValue)
            || FromFresh(lane, sizeClass, emergency);
    }

    // Larger ones become runs, and the search for those does the same.
    private bool FromKept(Lane lane, int sizeClass, Shared shared, bool emergency)
    {
        if (SizeClasses.SizeOf(sizeClass) > SmallSlabLimit)
        {
            return false;
        }

        GiveUpKept(lane);
        return FromAnywhere(lane, sizeClass, shared, emergency);
    }

    private static int BatchOf(int sizeClass) => Math.Max(BlockCache.DepthOf(sizeClass) / 2, 1);

    /// <summary>
    /// Before fresh pages are taken, and no more often than when those of the last time have grown by a sixteenth: blocks that wait in shared stacks go back to their
    /// slabs, and slabs that are empty then serve every class. This is what keeps a heap whose sizes shift within bounds.
    /// </summary>
    private void TrimBeforeGrowth()
    {
        if (_runs.Frontier - _trimmedAt > Math.Max(TrimPages, _trimmedAt >> 4))
        {
            for (int sizeClass = 0; sizeClass < SizeClasses.Count; sizeClass++)
            {
                Release(sizeClass, _shared[sizeClass], keep: 0);
            }

            _trimmedAt = _runs.Frontier;
        }
    }

    /// <summary>Nothing is left: what the lane kept for itself goes back too. A slab is empty only when nobody keeps a block of it.</summary>
    private void GiveUpKept(Lane lane)
    {
        for (int sizeClass = 0; sizeClass < SizeClasses.Count; sizeClass++)
        {
            while (lane.Cache.TryPop(sizeClass, out long kept))
            {
                _shared[sizeClass].Blocks.Add(kept);
            }
        }
    }

    /// <summary>The region is full, or too small for a slab: look at all that was never looked at, and turn empty slabs into runs.</summary>
    private void FindEverything()
    {
        _walker.Walk(int.MaxValue);
        for (int sizeClass = 0; sizeClass < SizeClasses.Count; sizeClass++)
        {
            Shared shared = _shared[sizeClass];
            while (_walker.TryTakeUnscanned(sizeClass, out long page))
            {
                Collect(page, sizeClass, shared);
                Release(sizeClass, shared, keep: 0);
            }

            Release(sizeClass, shared, keep: 0);
        }
    }

    /// <summary>Moves a slab's free blocks to the shared stack, reserved.</summary>
    private void Collect(long page, int sizeClass, Shared shared)
    {
        long size = SizeClasses.SizeOf(sizeClass);
        byte* block = _space.Base + (page << HeapFormat.PageShift);
        for (int left = SizeClasses.SlabBlocks(sizeClass, _table[page].Count); left > 0; left--, block += size)
        {
            ulong* header = (ulong*)block;
            if (BlockHeader.IsFree(*header, _space.Epoch))
            {
                Persist.Store(header, _reserved);
                shared.Blocks.Add(block - _space.Base);
            }
        }

        _released[page] = 0;
    }

    private void Spill(Lane lane, int sizeClass, long block)
    {
        lock (_lock)
        {
            Shared shared = _shared[sizeClass];
            shared.Blocks.Add(block);
            for (int i = 1; i < BatchOf(sizeClass) && lane.Cache.TryPop(sizeClass, out long other); i++)
            {
                shared.Blocks.Add(other);
            }

            long limit = Math.Max(SharedBytes / SizeClasses.SizeOf(sizeClass), 4);
            if (shared.Blocks.Count > limit)
            {
                Release(sizeClass, shared, (int)limit / 2);
            }
        }
    }

    /// <summary>Marks shared blocks free where they lie, down to a number; a slab whose last block this was becomes a run that any class can use.</summary>
    private void Release(int sizeClass, Shared shared, int keep)
    {
        List<long> blocks = shared.Blocks;
        while (blocks.Count > keep)
        {
            long block = blocks[^1];
            blocks.RemoveAt(blocks.Count - 1);
            Persist.Store((ulong*)(_space.Base + block), BlockHeader.Free);
            long page = _table.StartOf(block >> HeapFormat.PageShift, out PageDescriptor descriptor);
            if (!_released.TryGetValue(page, out int released))
            {
                continue; // not looked into since the attach: whoever does will find the block
            }

            if (++released < SizeClasses.SlabBlocks(sizeClass, descriptor.Count))
            {
                _released[page] = released;
                if (released == 1)
                {
                    shared.Partial.Push(page);
                }

                continue;
            }

            _released.Remove(page);
            _table.Publish(page, PageDescriptor.Run(descriptor.Count));
            _runs.Give(page, descriptor.Count);
        }
    }

    private void GiveRun(long block)
    {
        lock (_lock)
        {
            long page = block >> HeapFormat.PageShift;
            Persist.Store((ulong*)(_space.Base + block), BlockHeader.Free);
            if (!_walker.WillSee(page))
            {
                _runs.Give(page, _table[page].Count);
            }
        }
    }
}
