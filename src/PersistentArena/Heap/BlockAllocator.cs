using System.Runtime.CompilerServices;
using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// Blocks of any size. Small ones come from slabs through the lane's cache, large ones are runs of pages. Nothing here
/// is needed to survive: which block is free stands in its header.
/// </summary>
/// <remarks>
/// <para>Order of search for a small block: the lane's cache, the shared stack of its class, slabs with known free
/// blocks, slabs not looked into since the attach (a bounded number a call), a fresh slab; when the region is full,
/// everything that is left to be looked at, and what all lanes keep. Where that fails too, the caller lets go of its
/// bucket and asks <see cref="Compactor"/>.</para>
/// <para>Invariants:</para>
/// <list type="number">
/// <item>A block that is handed out is free by its header. Else it is somebody's.</item>
/// <item>A block that comes back is free by its header. Else the next owner writes over what is true.</item>
/// <item>Blocks begin at multiples of 16: a dictionary's slot has no bits for less.</item>
/// </list>
/// </remarks>
internal sealed unsafe class BlockAllocator
{
    private const long TrimPages = 64;
    private const int SlabsPerCall = 8;
    private const int PagesPerCall = 256;

    private readonly Lock _lock = new();
    private readonly IHeapSpace _space;
    private readonly PageTable _table;
    private readonly RunAllocator _runs;
    private readonly PageWalker _walker;
    private readonly SlabStock _slabs;
    private readonly ulong _reserved;
    private readonly Lane[] _lanes;
    private long _trimmedAt;
    private long _slabChanges;
    private long _slabChangesSeen;

    // The pages that are being emptied: what becomes free there waits for Return.
    private long _emptyingFrom;
    private long _emptyingUntil;

    public BlockAllocator(IHeapSpace space, Lane[] lanes)
    {
        _space = space;
        _lanes = lanes;
        _table = new PageTable(space);
        _runs = new RunAllocator(space, _table);
        _walker = new PageWalker(space, _table, _runs);
        _slabs = new SlabStock(space, _table, _runs);
        _reserved = BlockHeader.Reserved(space.Epoch);
        _trimmedAt = _runs.Frontier;
    }

    /// <summary>Bytes from the region's start to the frontier.</summary>
    public long FrontierBytes => _runs.Frontier << HeapFormat.PageShift;

    /// <summary>Bytes of free runs that are known of.</summary>
    public long KnownFreeBytes => _runs.FreePages << HeapFormat.PageShift;

    /// <summary>Bytes that were never handed out.</summary>
    public long BytesBeyondFrontier => _runs.PagesBeyondFrontier << HeapFormat.PageShift;

    /// <summary>Free memory in bytes as far as known: the longest stretch of pages, and blocks within slabs.</summary>
    public (long LongestRun, long InSlabs) Scattered
    {
        get
        {
            lock (_lock)
            {
                return (Math.Max(_runs.LongestFree, _runs.PagesBeyondFrontier) << HeapFormat.PageShift,
                    _slabs.FreeBytes);
            }
        }
    }

    /// <summary>
    /// Has something looked at before the heap's pages are searched for room, which a damaged header would look like;
    /// at once where they were.
    /// </summary>
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
            Invariant.Holds(IsFree(block), 1);
            return block;
        }

        return TakeSlow(lane, size, emergency: lane.InGroup);
    }

    /// <summary>
    /// Gives a block back whose header is free or reserved: freed by the caller's change, or taken and not used.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Give(Lane lane, long block, long size)
    {
        Invariant.Holds(IsFree(block), 2);
        Invariant.Holds((block & 15) == 0, 3);
        if (size > NeverRun || !lane.Cache.TryPush(SizeClasses.ClassOf(size), block))
        {
            GiveSlow(lane, block, size);
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

    /// <summary>Takes a block for a record that moves, from the fullest slabs; 0 where there is none at hand.</summary>
    public long TakeForMove(Lane lane, long size)
    {
        lock (_lock)
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
    }

    /// <summary>True where a block of that size would be found without anything being moved.</summary>
    public bool HasRoom(long size, bool anyhow)
    {
        lock (_lock)
        {
            return size > SizeClasses.Largest
                ? _runs.CanTake(PagesFor(size))
                : _slabs.FreeBlocks(SizeClasses.ClassOf(size)) > 0 || _runs.CanTake(SlabPagesFor(size, anyhow));
        }
    }

    /// <summary>The pages side by side that a block of that size needs where its class has nothing free.</summary>
    public static int SlabPagesFor(long size, bool anyhow) =>
        size > SizeClasses.Largest ? PagesFor(size)
        : anyhow ? SizeClasses.FewestSlabPages(SizeClasses.ClassOf(size))
        : SizeClasses.SmallSlabPages(SizeClasses.ClassOf(size));

    /// <summary>
    /// Looks at all that was never looked at, takes back what lanes keep, and turns empty slabs into runs; false where
    /// a lane was left out that another thread holds.
    /// </summary>
    public bool FindAll(Lane lane)
    {
        lock (_lock)
        {
            bool all = GiveUpKept(lane);
            FindEverything();
            return all;
        }
    }

    /// <summary>Takes back what lanes keep, and turns empty slabs into runs.</summary>
    public void GiveUpCaches(Lane lane)
    {
        lock (_lock)
        {
            GiveUpKept(lane);
            _slabs.ReleaseAll();
        }
    }

    /// <summary>
    /// Looks into a few slabs that were not looked into since the attach; false where there is none left.
    /// </summary>
    public bool LookFurther()
    {
        lock (_lock)
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
    }

    /// <summary>
    /// Picks the slab whose emptying gives the most pages for what has to move, and hands out no block of it from now
    /// on; the default where there is none.
    /// </summary>
    public SlabVictim WithdrawSparsest(int fullest)
    {
        lock (_lock)
        {
            SlabVictim best = default;
            for (int sizeClass = 0; sizeClass < SizeClasses.Count; sizeClass++)
            {
                SlabVictim victim = _slabs.Sparsest(sizeClass, fullest, _runs.FreePages);
                if (victim.Page != 0 && victim.IsBetterThan(best))
                {
                    best = victim;
                }
            }

            if (best.Page != 0)
            {
                _slabs.Withdraw(best.Page, best.SizeClass);
                (_emptyingFrom, _emptyingUntil) = (best.Page, best.Page + best.Pages);
            }

            return best;
        }
    }

    /// <summary>
    /// Picks the stretch of at least so many pages with the least in it, of those between two pages that can be
    /// emptied, and hands out nothing of it from now on.
    /// </summary>
    /// <param name="from">The first page to look at: where a slab or run begins.</param>
    /// <param name="until">Where to stop.</param>
    /// <param name="pages">How many are wanted.</param>
    /// <param name="failed">First pages of stretches that could not be emptied.</param>
    /// <returns>The stretch; its length is 0 where there is none, and then where to go on.</returns>
    public (long Start, long Pages, long Next) WithdrawStretch(long from, long until, long pages, HashSet<long> failed)
    {
        lock (_lock)
        {
            var finder = new StretchFinder(pages, _runs.LongestFree << HeapFormat.PageShift, failed);
            long frontier = _runs.Frontier;
            for (until = Math.Min(until, frontier); from < until;)
            {
                long first = PageTable.FirstPageOf(PageTable.ZoneOf(from));
                if (from < first)
                {
                    from = first;
                    continue;
                }

                PageDescriptor unit = _table.First(from, frontier);
                finder.Add(from, unit, unit.Kind == PageKind.Slab ? _slabs.UsedBytes(from, unit)
                    : UsedBytesOfRun(from, unit.Count));
                from += unit.Count;
            }

            (long start, long length) = finder.Best;
            Withdraw(start, length);
            return (start, length, from);
        }
    }

    /// <summary>
    /// After <see cref="WithdrawStretch"/> or <see cref="WithdrawSparsest"/>: gives back what of it is free now, and
    /// lets the rest be used again. True where all was.
    /// </summary>
    /// <param name="start">The first page.</param>
    /// <param name="pages">How many.</param>
    /// <param name="stuck">A slab with something in it that cannot move, or 0.</param>
    /// <param name="final">False where what is not free yet stays withdrawn.</param>
    public bool Return(long start, long pages, long stuck, bool final)
    {
        lock (_lock)
        {
            if (!final && !AllFree(start, pages))
            {
                return false;
            }

            bool all = true;
            (_emptyingFrom, _emptyingUntil) = (0, 0);
            for (long page = start; page < start + pages;)
            {
                PageDescriptor unit = _table[page];
                bool free = unit.Kind == PageKind.Slab ? _slabs.TryRetire(page) : IsFreeRun(page);
                if (free)
                {
                    _runs.Give(page, unit.Count);
                }
                else if (unit.Kind == PageKind.Slab)
                {
                    _slabs.PutBack(page, unit.SizeClass);
                }

                if (page == stuck)
                {
                    _slabs.Pin(page);
                }

                all &= free;
                page += unit.Count;
            }

            return all;
        }
    }

    /// <summary>Lets what could not be moved be tried again.</summary>
    public void Unpin()
    {
        lock (_lock)
        {
            _slabs.Unpin();
        }
    }

    /// <summary>What a unit is.</summary>
    public PageDescriptor Describe(long page)
    {
        lock (_lock)
        {
            return _table[page];
        }
    }

    /// <summary>Sizes whose slab is one page were never runs.</summary>
    private const long NeverRun = 4096;

    private bool IsFree(long block) => !BlockHeader.IsAllocated(*(ulong*)(_space.Base + block));

    private void GiveSlow(Lane lane, long block, long size)
    {
        try
        {
            if (size > SizeClasses.Largest || (size > NeverRun && IsRun(block)))
            {
                GiveRun(block);
            }
            else if (size <= NeverRun || !lane.Cache.TryPush(SizeClasses.ClassOf(size), block))
            {
                Spill(lane, SizeClasses.ClassOf(size), block);
            }
        }
        catch (HeapDamagedException)
        {
            // The change that freed the block is true already: it stays where it is, free, and whoever looks for room
            // there is told of the damage.
        }
    }

    private bool IsRun(long block) =>
        (block & (HeapFormat.PageSize - 1)) == 0 && _table[block >> HeapFormat.PageShift].Kind == PageKind.Run;

    private long TakeSlow(Lane lane, long size, bool emergency)
    {
        lock (_lock)
        {
            if (size > SizeClasses.Largest)
            {
                return TakeRun(lane, size, emergency, backed: true);
            }

            int sizeClass = SizeClasses.ClassOf(size);
            return Refill(lane, sizeClass, emergency) && lane.Cache.TryPop(sizeClass, out long block) ? block
                : throw OutOfSpace(size);
        }
    }

    private static int PagesFor(long size) => (int)((size + HeapFormat.PageSize - 1) >> HeapFormat.PageShift);

    private long TakeRun(Lane lane, long size, bool emergency, bool backed)
    {
        LookBefore(PagesFor(size));
        if (_slabChanges != _slabChangesSeen)
        {
            // a slab that is empty but for what is kept of it would be a hole between two runs for long
            GiveUpKept(lane);
            _slabs.ReleaseAll();
            _slabChangesSeen = _slabChanges;
        }

        long start = _runs.TryTake(PagesFor(size), backed, emergency);
        if (start == 0)
        {
            GiveUpKept(lane);
            FindEverything();
            start = _runs.TryTake(PagesFor(size), backed, emergency);
        }

        return start != 0
            ? start << HeapFormat.PageShift
            : throw OutOfSpace(size);
    }

    /// <summary>
    /// After an attach: a slab that is empty, and that nobody has looked into, would be a hole between runs for long.
    /// How many are looked into goes by the size of the run, which takes longer to fill.
    /// </summary>
    private void LookBefore(int pages)
    {
        const int SlabsAPage = 4;
        _walker.Walk(PagesPerCall + (pages * SlabsAPage));
        for (int i = 0; i < pages * SlabsAPage && _walker.TryTakeUnscanned(out int sizeClass, out long page); i++)
        {
            _slabs.Look(page, sizeClass);
        }
    }

    private ArenaOutOfSpaceException OutOfSpace(long size) =>
        HeapErrors.OutOfSpace(_space, size, KnownFreeBytes + BytesBeyondFrontier, _runs.MediumFull);

    private bool Refill(Lane lane, int sizeClass, bool emergency)
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

        GiveUpKept(lane);
        FindEverything();
        return _slabs.FromPartial(lane, sizeClass)
            || FromFresh(lane, sizeClass, pages, emergency)
            || ((lane.TakesAnything || emergency)
                && FromFresh(lane, sizeClass, SizeClasses.FewestSlabPages(sizeClass), emergency));
    }

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
    /// Nothing is left: what lanes kept for themselves goes back. A slab is empty only when nobody keeps a block of it.
    /// A lane that another thread holds at this instant is left out: nobody may wait for it here, where the heap's lock
    /// is held.
    /// </summary>
    /// <returns>False where a lane was left out.</returns>
    private bool GiveUpKept(Lane mine)
    {
        bool all = true;
        GiveUpKeptOf(mine);
        foreach (Lane lane in _lanes)
        {
            if (lane == mine || !lane.Cache.IsUsed || lane.IsParked)
            {
                continue;
            }

            if (lane.TryTake(Environment.CurrentManagedThreadId))
            {
                GiveUpKeptOf(lane);
                lane.Release();
            }
            else
            {
                all = false;
            }
        }

        return all;
    }

    private void GiveUpKeptOf(Lane lane)
    {
        for (int sizeClass = 0; lane.Cache.IsUsed && sizeClass < SizeClasses.Count; sizeClass++)
        {
            while (lane.Cache.TryPop(sizeClass, out long kept))
            {
                _slabs.Add(sizeClass, kept);
            }
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

    private void Spill(Lane lane, int sizeClass, long block)
    {
        lock (_lock)
        {
            _slabChanges++;
            _slabs.Add(sizeClass, block);
            for (int i = 1; i < SlabStock.BatchOf(sizeClass) && lane.Cache.TryPop(sizeClass, out long other); i++)
            {
                _slabs.Add(sizeClass, other);
            }

            _slabs.Trim(sizeClass);
        }
    }

    private void GiveRun(long block)
    {
        lock (_lock)
        {
            long page = block >> HeapFormat.PageShift;
            Persist.Store((ulong*)(_space.Base + block), BlockHeader.Free);
            if (!_walker.WillSee(page) && (page < _emptyingFrom || page >= _emptyingUntil))
            {
                _runs.Give(page, _table[page].Count);
            }
        }
    }

    private void Withdraw(long start, long pages)
    {
        (_emptyingFrom, _emptyingUntil) = (start, start + pages);
        for (long page = start; page < start + pages;)
        {
            PageDescriptor unit = _table[page];
            if (unit.Kind == PageKind.Slab)
            {
                _slabs.Withdraw(page, unit.SizeClass);
            }
            else if (_runs.IsKnownFree(page, unit.Count))
            {
                _runs.Withdraw(page, unit.Count);
            }

            page += unit.Count;
        }
    }

    private bool AllFree(long start, long pages)
    {
        for (long page = start; page < start + pages;)
        {
            PageDescriptor unit = _table[page];
            if (unit.Kind == PageKind.Slab ? !_slabs.IsAllFree(page) : !IsFreeRun(page))
            {
                return false;
            }

            page += unit.Count;
        }

        return true;
    }

    private bool IsFreeRun(long page) =>
        BlockHeader.IsFree(Volatile.Read(ref *(ulong*)(_space.Base + (page << HeapFormat.PageShift))), _space.Epoch);

    private long UsedBytesOfRun(long page, long pages)
    {
        ulong header = Volatile.Read(ref *(ulong*)(_space.Base + (page << HeapFormat.PageShift)));
        return _runs.IsKnownFree(page, pages) ? 0
            : BlockHeader.TypeOf(header) is > 0 and <= BlockHeader.LastRecordType && !_slabs.IsPinned(page)
                ? pages << HeapFormat.PageShift
            : -1;
    }
}
