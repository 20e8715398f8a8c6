using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// Hands out runs of pages: free ones that it knows of, else fresh ones at the frontier. What it knows is volatile; a
/// free run it does not know of yet (after an attach) is told to it by <see cref="PageWalker"/>.
/// </summary>
/// <remarks>
/// Not thread-safe: the heap's lock is held. Each change of the page table is one published descriptor.
/// </remarks>
internal sealed unsafe class RunAllocator
{
    /// <summary>Pages kept back for the way out of a full heap: undoing a group may need a block.</summary>
    public const int EmergencyPages = 1;

    // What a writer takes itself where nobody was ahead of it: some tens of microseconds. A huge page would be a pause.
    private const long BackingStep = (128L << 10) >> HeapFormat.PageShift;

    private const long PagesAhead = (16L << 20) >> HeapFormat.PageShift;

    private readonly IHeapSpace _space;
    private readonly PageTable _table;
    private readonly HeapFrontier _frontier;
    private readonly BackingAhead _ahead;
    private readonly MediumRefusals _refusals = new();
    private FreeRuns? _free;
    private long _backedUntil;

    public RunAllocator(IHeapSpace space, PageTable table)
    {
        _space = space;
        _table = table;
        _ahead = new BackingAhead(space);
        _frontier = new HeapFrontier(space);
    }

    /// <summary>First page that was never handed out. Everything below has a descriptor.</summary>
    public long Frontier => _frontier.Read();

    /// <summary>Pages of known free runs.</summary>
    public long FreePages => _free?.Pages ?? 0;

    /// <summary>Why the medium last refused memory, or null.</summary>
    public ArenaOutOfSpaceException? MediumFull => _refusals.Last;

    /// <summary>Pages that the region could hold beyond the frontier.</summary>
    public long PagesBeyondFrontier => Math.Max(0, (_space.Length >> HeapFormat.PageShift) - EmergencyPages - Frontier);

    /// <summary>
    /// Takes a run of exactly so many pages whose first word is 0, which is to say: free. Gives 0 where there is none.
    /// With <paramref name="backed"/> false only the first page's memory is taken from the medium.
    /// </summary>
    public long TryTake(long pages, bool backed = true, bool emergency = false)
    {
        long start = TryTakeFree(pages, backed);
        if (start == 0 && TryLengthenLast(pages, backed))
        {
            start = TryTakeFree(pages, backed);
        }

        return start != 0 ? start : TryTakeFresh(pages, backed, emergency);
    }

    /// <summary>The longest known free run, in pages.</summary>
    public long LongestFree => _free?.Largest ?? 0;

    /// <summary>
    /// True where a run of that many pages would be found, unless the medium refuses memory that it has not refused
    /// just now.
    /// </summary>
    public bool CanTake(long pages)
    {
        if (PagesBeyondFrontier >= pages && !_refusals.Contains(Frontier, pages))
        {
            return true;
        }

        if (!HasFree(pages))
        {
            return false;
        }

        foreach ((long length, long start) in _free!.OfAtLeast(pages))
        {
            if (!_refusals.Contains(start, pages)
                && (length == pages || !_refusals.Contains(start + pages, 1)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>True for a free run that is known of, and has just that many pages.</summary>
    public bool IsKnownFree(long start, long pages) => _free?.PagesFrom(start) == pages;

    /// <summary>Hands out a known free run no more, until it is given again.</summary>
    public void Withdraw(long start, long pages) => _free!.Remove(start, pages);

    /// <summary>True where a known free run has that many pages.</summary>
    public bool HasFree(long pages) => _free?.Largest >= pages;

    /// <summary>Takes back a free run: descriptor <c>Run</c>, first word free.</summary>
    public void Give(long start, long pages)
    {
        FreeRuns free = _free ??= new FreeRuns();
        (long length, long before) = free.EndingAt(start);
        if (length > 0)
        {
            free.Remove(before, length);
            start = before;
            pages += length;
            _table.Publish(start, PageDescriptor.Run(pages));
        }

        long after = free.PagesFrom(start + pages);
        if (after > 0)
        {
            free.Remove(start + pages, after);
            pages += after;
            _table.Publish(start, PageDescriptor.Run(pages));
        }

        free.Add(start, pages);
    }

    /// <summary>
    /// Takes the beginning of the smallest known run that is long enough; where the medium is full, the first piece of
    /// one that has its memory: what was freed before all of it was used has holes.
    /// </summary>
    private long TryTakeFree(long pages, bool backed)
    {
        if (!HasFree(pages))
        {
            return 0;
        }

        foreach ((long length, long start) in _free!.OfAtLeast(pages))
        {
            if (TryBackPiece(start, start + length, pages, backed ? pages : 1))
            {
                Cut(start, length, start, pages);
                return start;
            }
        }

        return MediumFull is null ? 0 : TryTakeHeld(pages);
    }

    private long TryTakeHeld(long pages)
    {
        foreach ((long length, long start) in _free!.OfAtLeast(pages + 1))
        {
            long end = start + length;
            for (long at = start + 1; end - at >= pages;)
            {
                (long offset, long held) = _space.FirstHeld(
                    at << HeapFormat.PageShift, (end - at) << HeapFormat.PageShift);
                at = (offset + HeapFormat.PageSize - 1) >> HeapFormat.PageShift;
                long heldEnd = (offset + held) >> HeapFormat.PageShift;
                if (heldEnd - at >= pages && TryBackPiece(at, end, pages, pages))
                {
                    Cut(start, length, at, pages);
                    return at;
                }

                at = Math.Max(at, heldEnd) + 1;
            }
        }

        return 0;
    }

    /// <summary>Backs a piece, and the head of what is left behind it.</summary>
    private bool TryBackPiece(long at, long end, long pages, long backed) =>
        TryBack(at, backed) && (at + pages == end || TryBack(at + pages, 1));

    /// <summary>Withdraws a piece of a free run; what lies before and behind it are free runs then.</summary>
    private void Cut(long start, long length, long at, long pages)
    {
        _free!.Remove(start, length);
        long behind = start + length - at - pages;
        long before = at - start;
        if (behind > 0)
        {
            // What is behind becomes a run first; until the shorter descriptor is published nobody looks inside.
            Describe(at + pages, behind);
            _free.Add(at + pages, behind);
        }

        if (before > 0)
        {
            Describe(at, pages);
            _free.Add(start, before);
        }

        if (behind + before > 0)
        {
            _table.Publish(start, PageDescriptor.Run(before > 0 ? before : pages));
        }
    }

    /// <summary>Makes a free run of pages that nobody looks at yet.</summary>
    private void Describe(long page, long pages)
    {
        Persist.Store((ulong*)(_space.Base + (page << HeapFormat.PageShift)), BlockHeader.Free);
        _table.Store(page, PageDescriptor.Run(pages));
    }

    /// <summary>
    /// Makes the free run before the frontier as long as is asked for: else what lies there would be a hole for good.
    /// </summary>
    private bool TryLengthenLast(long pages, bool backed)
    {
        (long length, _) = _free?.EndingAt(Frontier) ?? default;
        long added = length > 0 && length < pages ? TryTakeFresh(pages - length, backed, emergency: false) : 0;
        if (added != 0)
        {
            Give(added, pages - length);
        }

        return added != 0;
    }

    private long TryTakeFresh(long pages, bool backed, bool emergency)
    {
        long start = Frontier;
        long limit = (_space.Length >> HeapFormat.PageShift) - (emergency ? 0 : EmergencyPages);
        long zone = PageTable.ZoneOf(start);
        long zoneEnd = (zone + 1) << HeapFormat.PagesPerZoneShift;
        long rest = 0;
        if (start + pages > zoneEnd)
        {
            rest = zoneEnd - start;
            zone++;
        }

        long zoneFirst = PageTable.FirstPageOf(zone);
        long taken = Math.Max(start + rest, zoneFirst);
        if (taken + pages > limit || pages > HeapFormat.PagesPerZone - HeapFormat.TablePages - HeapFormat.HeaderPages)
        {
            return 0;
        }

        if ((taken == zoneFirst && zone > 0 && !TryBack(zone << HeapFormat.PagesPerZoneShift, HeapFormat.TablePages))
            || (rest > 0 && !TryBack(start, 1))
            || !TryBackAhead(taken, backed ? pages : 1, limit))
        {
            return 0;
        }

        if (rest > 0)
        {
            Describe(start, rest);
        }

        Describe(taken, pages);
        _frontier.Publish(taken + pages);
        if (rest > 0)
        {
            (_free ??= new FreeRuns()).Add(start, rest);
        }

        return taken;
    }

    /// <summary>
    /// Takes memory from the medium in larger steps than pages are handed out in, and has what lies behind it taken by
    /// another thread.
    /// </summary>
    private bool TryBackAhead(long page, long pages, long limit)
    {
        long end = page + pages;
        if (end <= _backedUntil)
        {
            return true;
        }

        if (_refusals.Contains(page, pages))
        {
            return false;
        }

        long ahead = Math.Min((end + BackingStep - 1) & -BackingStep, limit);
        _ahead.Request(page << HeapFormat.PageShift, Math.Min(PagesAhead, limit - page) << HeapFormat.PageShift);
        if (ahead > end && TryBack(page, ahead - page))
        {
            _backedUntil = ahead;
            _refusals.Clear();
            return true;
        }

        if (!TryBack(page, pages))
        {
            return false;
        }

        _backedUntil = end;
        _refusals.Clear();
        return true;
    }

    private bool TryBack(long page, long pages)
    {
        if (_refusals.Contains(page, pages))
        {
            return false;
        }

        try
        {
            _space.EnsureBacked(page << HeapFormat.PageShift, pages << HeapFormat.PageShift);
            return true;
        }
        catch (ArenaOutOfSpaceException full)
        {
            _refusals.Add(page, pages, full);
            return false;
        }
    }
}
