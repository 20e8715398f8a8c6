using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// Where blocks come from that no lane's cache has: slabs, and runs of pages. It knows the order of search, and when
/// slabs that are empty become runs.
/// </summary>
/// <remarks>Not thread-safe: the heap's lock is held.</remarks>
internal sealed unsafe class BlockSupply
{
    private const long TrimPages = 64;
    private const int SlabsPerCall = 8;
    private const int PagesPerCall = 256;

    private readonly IHeapSpace _space;
    private readonly PageTable _table;
    private readonly RunAllocator _runs;
    private readonly PageWalker _walker;
    private readonly SlabStock _slabs;
    private readonly KeptBlocks _kept;
    private readonly ulong _reserved;
    private long _trimmedAt;
    private long _slabChanges;
    private long _slabChangesSeen;

    public BlockSupply(IHeapSpace space, PageTable table, RunAllocator runs, Lane[] lanes)
    {
        _space = space;
        _table = table;
        _runs = runs;
        _walker = new PageWalker(space, table, runs);
        _slabs = new SlabStock(space, table, runs);
        _kept = new KeptBlocks(lanes, _slabs);
        _reserved = BlockHeader.Reserved(space.Epoch);
        _trimmedAt = runs.Frontier;
    }

    public SlabStock Slabs => _slabs;

    /// <summary>
    /// True for a page that was not seen since the attach: a run that becomes free there is found again.
    /// </summary>
    public bool WillSee(long page) => _walker.WillSee(page);

    /// <summary>
    /// Has something looked at before the heap's pages are searched for room, which a damaged header would look like;
    /// at once where they were.
    /// </summary>
    public void BeforeSearch(Action check) => _walker.Before(check);

    /// <summary>Notes that blocks went back to slabs, or come from them.</summary>
    public void SlabsChange() => _slabChanges++;

    /// <summary>The pages side by side that a block of that size needs where its class has nothing free.</summary>
    public static int PagesFor(long size, bool anyhow) =>
        size > SizeClasses.Largest ? PagesFor(size)
        : anyhow ? SizeClasses.FewestSlabPages(SizeClasses.ClassOf(size))
        : SizeClasses.SmallSlabPages(SizeClasses.ClassOf(size));

    /// <summary>True where a block of that size would be found without anything being moved.</summary>
    public bool HasRoom(long size, bool anyhow) =>
        size > SizeClasses.Largest
            ? _runs.CanTake(PagesFor(size))
            : _slabs.FreeBlocks(SizeClasses.ClassOf(size)) > 0 || _runs.CanTake(PagesFor(size, anyhow));

    /// <summary>
    /// Fills a lane's cache with blocks of a class: the shared ones, those of slabs with known free blocks, of slabs
    /// not looked into since the attach, of a fresh slab; where the region is full, of all that is left to be looked
    /// at, and what all lanes keep.
    /// </summary>
    public bool Refill(Lane lane, int sizeClass, bool emergency)
    {
        _slabChanges++;
        int pages = SizeClasses.SmallSlabPages(sizeClass);
        if (_slabs.FromShared(lane, sizeClass)
            || _slabs.FromPartial(lane, sizeClass)
            || FromUnscanned(lane, sizeClass, SlabsPerCall)
            || FromFresh(lane, sizeClass, pages, emergency))
        {
            return true;
        }

        FindAll(lane);
        return _slabs.FromPartial(lane, sizeClass)
            || FromFresh(lane, sizeClass, pages, emergency)
            || ((lane.TakesAnything || emergency)
                && FromFresh(lane, sizeClass, SizeClasses.FewestSlabPages(sizeClass), emergency));
    }

    /// <summary>Takes a run of pages; its memory comes from the medium at once where it is backed.</summary>
    public long TakeRun(Lane lane, long size, bool emergency, bool backed)
    {
        LookIntoSome(PagesFor(size));
        if (_slabChanges != _slabChangesSeen)
        {
            // a slab that is empty but for what is kept of it would be a hole between two runs for long
            GiveUpCaches(lane);
            _slabChangesSeen = _slabChanges;
        }

        long start = _runs.TryTake(PagesFor(size), backed, emergency);
        if (start == 0)
        {
            FindAll(lane);
            start = _runs.TryTake(PagesFor(size), backed, emergency);
        }

        return start != 0
            ? start << HeapFormat.PageShift
            : throw OutOfSpace(size);
    }

    /// <summary>Takes a block for a record that moves, from the fullest slabs; 0 where there is none at hand.</summary>
    public long TakeForMove(Lane lane, long size)
    {
        if (size > SizeClasses.Largest)
        {
            return _runs.TryTake(PagesFor(size)) << HeapFormat.PageShift;
        }

        int sizeClass = SizeClasses.ClassOf(size);
        _slabs.PrefersFull = true;
        bool found = lane.Cache.TryPop(sizeClass, out long block)
            || ((_slabs.FromShared(lane, sizeClass) || _slabs.FromPartial(lane, sizeClass)
                || FromFresh(lane, sizeClass, SizeClasses.SmallSlabPages(sizeClass), emergency: false))
                && lane.Cache.TryPop(sizeClass, out block));
        _slabs.PrefersFull = false;
        return found ? block : 0;
    }

    /// <summary>
    /// Looks at all that was never looked at, takes back what lanes keep, and turns empty slabs into runs; false where
    /// a lane was left out that another thread holds.
    /// </summary>
    public bool FindAll(Lane lane)
    {
        bool all = _kept.GiveUp(lane);
        FindEverything();
        return all;
    }

    /// <summary>Takes back what lanes keep, and turns empty slabs into runs.</summary>
    public void GiveUpCaches(Lane? lane)
    {
        _kept.GiveUp(lane);
        _slabs.ReleaseAll();
    }

    /// <summary>
    /// Looks into a few slabs that were not looked into since the attach; false where there is none left.
    /// </summary>
    public bool LookFurther()
    {
        _walker.Walk(PagesPerCall);
        for (int i = 0; i < SlabsPerCall; i++)
        {
            if (!_walker.TryTakeUnscanned(out int sizeClass, out long page))
            {
                return !_walker.Finished;
            }

            _slabs.Look(page, sizeClass);
        }

        return true;
    }

    public ArenaOutOfSpaceException OutOfSpace(long size) => HeapErrors.OutOfSpace(_space, size,
        (_runs.FreePages + _runs.PagesBeyondFrontier) << HeapFormat.PageShift, _runs.MediumFull);

    private static int PagesFor(long size) => (int)((size + HeapFormat.PageSize - 1) >> HeapFormat.PageShift);

    private bool FromUnscanned(Lane lane, int sizeClass, int slabs)
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

            _slabs.Collect(page, sizeClass);
            if (_slabs.FromShared(lane, sizeClass))
            {
                return true;
            }
        }

        return false;
    }

    private bool FromFresh(Lane lane, int sizeClass, int fewest, bool emergency)
    {
        TrimBeforeGrowth();
        int pages = Math.Max(_slabs.PagesOfNext(sizeClass), fewest);
        while (pages > fewest && _runs.FreePages >= pages && !_runs.HasFree(pages))
        {
            // there is room, but not side by side: a small slab is better than more memory
            pages = Math.Max(pages / 2, fewest);
        }

        long page = _runs.TryTake(pages, backed: true, emergency && pages == 1);
        if (page == 0 && pages > fewest)
        {
            pages = fewest;
            page = _runs.TryTake(pages, backed: true, emergency && pages == 1);
        }

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
        _slabs.Added(page, sizeClass, pages);
        lane.Cache.SetRange(sizeClass, start, end);
        return true;
    }

    /// <summary>
    /// Before fresh pages are taken, and no more often than when those of the last time have grown by a sixteenth:
    /// blocks that wait in shared stacks go back to their slabs, and slabs that are empty then serve every class. This
    /// is what keeps a heap whose sizes shift within bounds.
    /// </summary>
    private void TrimBeforeGrowth()
    {
        if (_runs.Frontier - _trimmedAt > Math.Max(TrimPages, _trimmedAt >> 4))
        {
            _slabs.ReleaseAll();
            _trimmedAt = _runs.Frontier;
        }
    }

    /// <summary>
    /// After an attach: a slab that is empty, and that nobody has looked into, would be a hole between runs for long.
    /// How many are looked into goes by the size of the run, which takes longer to fill.
    /// </summary>
    private void LookIntoSome(int pages)
    {
        const int SlabsAPage = 4;
        _walker.Walk(PagesPerCall + (pages * SlabsAPage));
        for (int i = 0; i < pages * SlabsAPage && _walker.TryTakeUnscanned(out int sizeClass, out long page); i++)
        {
            _slabs.Look(page, sizeClass);
        }
    }

    /// <summary>
    /// The region is full, or too small for a slab: look at all that was never looked at, and turn empty slabs into
    /// runs.
    /// </summary>
    private void FindEverything()
    {
        _walker.Walk(int.MaxValue);
        while (_walker.TryTakeUnscanned(out int sizeClass, out long page))
        {
            _slabs.Look(page, sizeClass);
        }

        _slabs.ReleaseAll();
    }
}
