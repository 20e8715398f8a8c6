using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// Pages that are being emptied, so that what is free lies side by side: nothing of them is handed out, and what
/// becomes free there waits. For <see cref="Compactor"/>, which moves what lies in them.
/// </summary>
/// <param name="heapLock">The heap's lock, which each call takes.</param>
/// <param name="space">The heap's memory.</param>
/// <param name="table">What the pages are.</param>
/// <param name="runs">Where free pages go.</param>
/// <param name="slabs">What is known of slabs.</param>
internal sealed unsafe class PageEmptying(
    Lock heapLock, IHeapSpace space, PageTable table, RunAllocator runs, SlabStock slabs)
{
    private long _from;
    private long _until;

    /// <summary>True for a page that is being emptied. The heap's lock is held.</summary>
    public bool Covers(long page) => page >= _from && page < _until;

    /// <summary>
    /// Picks the slab whose emptying gives the most pages for what has to move, and hands out no block of it from now
    /// on; the default where there is none.
    /// </summary>
    public SlabVictim WithdrawSparsest(int fullest)
    {
        lock (heapLock)
        {
            SlabVictim best = default;
            for (int sizeClass = 0; sizeClass < SizeClasses.Count; sizeClass++)
            {
                SlabVictim victim = slabs.Sparsest(sizeClass, fullest, runs.FreePages);
                if (victim.Page != 0 && victim.IsBetterThan(best))
                {
                    best = victim;
                }
            }

            if (best.Page != 0)
            {
                slabs.Withdraw(best.Page, best.SizeClass);
                (_from, _until) = (best.Page, best.Page + best.Pages);
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
    /// <returns>The stretch; its length is 0 where there is none, and then where to continue.</returns>
    public (long Start, long Pages, long Next) WithdrawStretch(long from, long until, long pages, HashSet<long> failed)
    {
        lock (heapLock)
        {
            var finder = new StretchFinder(pages, runs.LongestFree << HeapFormat.PageShift, failed);
            long frontier = runs.Frontier;
            for (until = Math.Min(until, frontier); from < until;)
            {
                long first = PageTable.FirstPageOf(PageTable.ZoneOf(from));
                if (from < first)
                {
                    from = first;
                    continue;
                }

                PageDescriptor unit = table.First(from, frontier);
                finder.Add(from, unit, unit.Kind == PageKind.Slab ? slabs.UsedBytes(from, unit)
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
        lock (heapLock)
        {
            if (!final && !AllFree(start, pages))
            {
                return false;
            }

            bool all = true;
            (_from, _until) = (0, 0);
            for (long page = start; page < start + pages;)
            {
                PageDescriptor unit = table[page];
                bool free = unit.Kind == PageKind.Slab ? slabs.TryRetire(page) : IsFreeRun(page);
                if (free)
                {
                    runs.Give(page, unit.Count);
                }
                else if (unit.Kind == PageKind.Slab)
                {
                    slabs.PutBack(page, unit.SizeClass);
                }

                if (page == stuck)
                {
                    slabs.Pin(page);
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
        lock (heapLock)
        {
            slabs.Unpin();
        }
    }

    /// <summary>What a unit is.</summary>
    public PageDescriptor Describe(long page)
    {
        lock (heapLock)
        {
            return table[page];
        }
    }

    private void Withdraw(long start, long pages)
    {
        (_from, _until) = (start, start + pages);
        for (long page = start; page < start + pages;)
        {
            PageDescriptor unit = table[page];
            if (unit.Kind == PageKind.Slab)
            {
                slabs.Withdraw(page, unit.SizeClass);
            }
            else if (runs.IsKnownFree(page, unit.Count))
            {
                runs.Withdraw(page, unit.Count);
            }

            page += unit.Count;
        }
    }

    private bool AllFree(long start, long pages)
    {
        for (long page = start; page < start + pages;)
        {
            PageDescriptor unit = table[page];
            if (unit.Kind == PageKind.Slab ? !slabs.IsAllFree(page) : !IsFreeRun(page))
            {
                return false;
            }

            page += unit.Count;
        }

        return true;
    }

    private bool IsFreeRun(long page) =>
        BlockHeader.IsFree(Volatile.Read(ref *(ulong*)(space.Base + (page << HeapFormat.PageShift))), space.Epoch);

    private long UsedBytesOfRun(long page, long pages)
    {
        ulong header = Volatile.Read(ref *(ulong*)(space.Base + (page << HeapFormat.PageShift)));
        return runs.IsKnownFree(page, pages) ? 0
            : BlockHeader.TypeOf(header) is > 0 and <= BlockHeader.LastRecordType && !slabs.IsPinned(page)
                ? pages << HeapFormat.PageShift
            : -1;
    }
}
