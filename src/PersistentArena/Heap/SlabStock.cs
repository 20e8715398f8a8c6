using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// What is known of slabs: which have free blocks, and the reserved blocks that lie in no lane's cache. All of it is
/// volatile; which block is free stands in its header.
/// </summary>
/// <remarks>Not thread-safe: the heap's lock is held.</remarks>
internal sealed unsafe class SlabStock
{
    private const long SharedBytes = 256 << 10;
    private const int Sample = 16;

    private readonly IHeapSpace _space;
    private readonly PageTable _table;
    private readonly RunAllocator _runs;
    private readonly ulong _reserved;
    private readonly ClassStock[] _classes = new ClassStock[SizeClasses.Count];

    // Slabs that were looked into since the attach, with the number of their blocks whose headers say free.
    private readonly Dictionary<long, int> _free = [];

    // Slabs that are being emptied: nobody gets a block of one.
    private readonly HashSet<long> _withdrawn = [];

    // Slabs in which something was met that cannot move.
    private readonly HashSet<long> _pinned = [];

    private sealed class ClassStock
    {
        /// <summary>Reserved blocks in nobody's cache.</summary>
        public List<long> Blocks { get; } = [];

        /// <summary>Slabs with blocks whose headers say free; may be stale.</summary>
        public List<long> Partial { get; } = [];

        /// <summary>Blocks whose headers say free, in slabs that were looked into.</summary>
        public long Free { get; set; }

        /// <summary>Pages of the slabs that were looked into.</summary>
        public long Pages { get; set; }

        /// <summary>Where the next sample of partial slabs begins.</summary>
        public uint Sampled { get; set; }
    }

    public SlabStock(IHeapSpace space, PageTable table, RunAllocator runs)
    {
        _space = space;
        _table = table;
        _runs = runs;
        _reserved = BlockHeader.Reserved(space.Epoch);
        for (int i = 0; i < _classes.Length; i++)
        {
            _classes[i] = new ClassStock();
        }
    }

    /// <summary>
    /// While set, blocks come from the fullest slab at hand: what is moved should not have to move again.
    /// </summary>
    public bool PrefersFull { get; set; }

    public long FreeBlocks(int sizeClass) => _classes[sizeClass].Free + _classes[sizeClass].Blocks.Count;

    /// <summary>Bytes of free blocks within slabs.</summary>
    public long FreeBytes
    {
        get
        {
            long bytes = 0;
            for (int i = 0; i < _classes.Length; i++)
            {
                bytes += FreeBlocks(i) * SizeClasses.SizeOf(i);
            }

            return bytes;
        }
    }

    /// <summary>
    /// The pages that a further slab of the class should have: a class with little in it takes little.
    /// </summary>
    public int PagesOfNext(int sizeClass)
    {
        const int Few = 8;
        int pages = SizeClasses.SlabPages(sizeClass);
        return _classes[sizeClass].Pages >= Few * pages ? pages : SizeClasses.SmallSlabPages(sizeClass);
    }

    public static int BatchOf(int sizeClass) => Math.Max(BlockCache.DepthOf(sizeClass) / 2, 1);

    /// <summary>Moves shared blocks into the lane's cache.</summary>
    public bool FromShared(Lane lane, int sizeClass)
    {
        List<long> blocks = _classes[sizeClass].Blocks;
        int take = Math.Min(BatchOf(sizeClass), blocks.Count);
        for (int i = 0; i < take; i++)
        {
            lane.Cache.TryPush(sizeClass, blocks[^1]);
            blocks.RemoveAt(blocks.Count - 1);
        }

        return take > 0;
    }

    /// <summary>Fills the lane's cache from a slab that is known to have free blocks.</summary>
    public bool FromPartial(Lane lane, int sizeClass)
    {
        List<long> partial = _classes[sizeClass].Partial;
        while (partial.Count > 0)
        {
            int at = PrefersFull ? FullestOf(partial) : partial.Count - 1;
            long page = partial[at];
            partial[at] = partial[^1];
            partial.RemoveAt(partial.Count - 1);
            if (FreeIn(page, sizeClass) > 0)
            {
                Collect(page, sizeClass);
                return FromShared(lane, sizeClass);
            }
        }

        return false;
    }

    /// <summary>Moves a slab's free blocks to the shared ones, reserved.</summary>
    public void Collect(long page, int sizeClass)
    {
        ClassStock stock = _classes[sizeClass];
        long size = SizeClasses.SizeOf(sizeClass);
        long pages = _table[page].Count;
        byte* block = At(page);
        for (int left = SizeClasses.SlabBlocks(sizeClass, pages); left > 0; left--, block += size)
        {
            ulong* header = (ulong*)block;
            if (BlockHeader.IsFree(*header, _space.Epoch))
            {
                Persist.Store(header, _reserved);
                stock.Blocks.Add(block - _space.Base);
            }
        }

        if (_free.TryGetValue(page, out int free))
        {
            stock.Free -= free;
        }
        else
        {
            stock.Pages += pages;
        }

        _free[page] = 0;
    }

    /// <summary>
    /// Counts the free blocks of a slab that was not looked into since the attach. One without any other becomes a free
    /// run.
    /// </summary>
    public void Look(long page, int sizeClass)
    {
        long pages = _table[page].Count;
        _classes[sizeClass].Pages += pages;
        if (!TryRetire(page))
        {
            Note(page, sizeClass);
            return;
        }

        _runs.Give(page, pages);
    }

    /// <summary>A fresh slab, whose blocks are all reserved and go to a lane.</summary>
    public void Added(long page, int sizeClass, long pages)
    {
        _free[page] = 0;
        _classes[sizeClass].Pages += pages;
    }

    /// <summary>Takes a reserved block that is in nobody's cache any more.</summary>
    public void Add(int sizeClass, long block)
    {
        if (_withdrawn.Count > 0 && _withdrawn.Contains(_table.StartOf(block >> HeapFormat.PageShift, out _)))
        {
            Persist.Store((ulong*)(_space.Base + block), BlockHeader.Free);
            return;
        }

        _classes[sizeClass].Blocks.Add(block);
    }

    /// <summary>Releases half of a class's shared blocks where they are many.</summary>
    public void Trim(int sizeClass)
    {
        long limit = Math.Max(SharedBytes / SizeClasses.SizeOf(sizeClass), 4);
        if (_classes[sizeClass].Blocks.Count > limit)
        {
            Release(sizeClass, (int)limit / 2);
        }
    }

    public void ReleaseAll()
    {
        for (int sizeClass = 0; sizeClass < SizeClasses.Count; sizeClass++)
        {
            Release(sizeClass, keep: 0);
        }
    }

    /// <summary>
    /// A slab that is worth emptying: the sparsest of some of the class. Its blocks have room in the class's other
    /// slabs, or in fewer pages than it has.
    /// </summary>
    /// <param name="sizeClass">The size class.</param>
    /// <param name="fullest">How many sixteenths of it may be in use.</param>
    /// <param name="spare">Free pages that fresh slabs may be made of.</param>
    public SlabVictim Sparsest(int sizeClass, int fullest, long spare)
    {
        SlabVictim best = default;
        if (FreeBlocks(sizeClass) < SizeClasses.SlabBlocks(sizeClass, SizeClasses.FewestSlabPages(sizeClass)))
        {
            return best;
        }

        ClassStock stock = _classes[sizeClass];
        List<long> partial = stock.Partial;
        int at = (int)((stock.Sampled += Sample) % (uint)Math.Max(partial.Count, 1));
        for (int i = 0; i < Sample && i < partial.Count; i++, at++)
        {
            at = at < partial.Count ? at : 0;
            long page = partial[at];
            int free = FreeIn(page, sizeClass);
            if (free == 0)
            {
                partial[at] = partial[^1];
                partial.RemoveAt(partial.Count - 1);
                continue;
            }

            if (_pinned.Contains(page))
            {
                continue;
            }

            long pages = _table[page].Count;
            int used = SizeClasses.SlabBlocks(sizeClass, pages) - free;
            long over = used - (FreeBlocks(sizeClass) - free);
            long fresh = over <= 0 ? 0 : FreshPagesFor(sizeClass, over);
            var victim = new SlabVictim(page, sizeClass, pages, used * SizeClasses.SizeOf(sizeClass), pages - fresh);
            if (fresh < pages && fresh <= spare
                && used * 16L <= SizeClasses.SlabBlocks(sizeClass, pages) * (long)fullest && victim.IsBetterThan(best))
            {
                best = victim;
            }
        }

        return best;
    }

    /// <summary>
    /// Bytes in use in a slab as far as known, or -1 where something in it cannot move, or nobody has looked.
    /// </summary>
    public long UsedBytes(long page, PageDescriptor slab) =>
        _pinned.Contains(page) || !_free.TryGetValue(page, out int free)
            ? -1
            : (SizeClasses.SlabBlocks(slab.SizeClass, slab.Count) - free) * SizeClasses.SizeOf(slab.SizeClass);

    /// <summary>Hands out no block of a slab any more.</summary>
    public void Withdraw(long page, int sizeClass)
    {
        ClassStock stock = _classes[sizeClass];
        if (_free.Remove(page, out int free))
        {
            stock.Free -= free;
        }

        _withdrawn.Add(page);
        long end = (page + _table[page].Count) << HeapFormat.PageShift;
        stock.Blocks.RemoveAll(block =>
        {
            bool inside = block >= page << HeapFormat.PageShift && block < end;
            if (inside)
            {
                Persist.Store((ulong*)(_space.Base + block), BlockHeader.Free);
            }

            return inside;
        });
    }

    /// <summary>Ends <see cref="Withdraw"/> for a slab that could not be emptied.</summary>
    public void PutBack(long page, int sizeClass)
    {
        _withdrawn.Remove(page);
        Note(page, sizeClass);
    }

    /// <summary>Makes a run of a slab whose blocks are all free, and in nobody's cache.</summary>
    public bool TryRetire(long page)
    {
        bool free = IsAllFree(page);
        if (free)
        {
            Retire(page, _table[page]);
        }

        return free;
    }

    public bool IsAllFree(long page)
    {
        PageDescriptor slab = _table[page];
        return CountFree(page, slab) == SizeClasses.SlabBlocks(slab.SizeClass, slab.Count);
    }

    /// <summary>Notes a slab or run with something in it that cannot move.</summary>
    public void Pin(long page) => _pinned.Add(page);

    public bool IsPinned(long page) => _pinned.Contains(page);

    /// <summary>What could not move may be able to now.</summary>
    public void Unpin() => _pinned.Clear();

    private void Retire(long page, PageDescriptor slab)
    {
        if (_free.Remove(page, out int free))
        {
            _classes[slab.SizeClass].Free -= free;
        }

        _classes[slab.SizeClass].Pages -= slab.Count;
        _withdrawn.Remove(page);
        _pinned.Remove(page);
        Persist.Store((ulong*)At(page), BlockHeader.Free);
        _table.Publish(page, PageDescriptor.Run(slab.Count));
    }

    private void Note(long page, int sizeClass)
    {
        int free = CountFree(page, _table[page]);
        _free[page] = free;
        _classes[sizeClass].Free += free;
        if (free > 0)
        {
            _classes[sizeClass].Partial.Add(page);
        }
    }

    private int CountFree(long page, PageDescriptor slab)
    {
        long size = SizeClasses.SizeOf(slab.SizeClass);
        byte* block = At(page);
        int free = 0;
        for (int left = SizeClasses.SlabBlocks(slab.SizeClass, slab.Count); left > 0; left--, block += size)
        {
            free += BlockHeader.IsFree(Volatile.Read(ref *(ulong*)block), _space.Epoch) ? 1 : 0;
        }

        return free;
    }

    /// <summary>
    /// Marks shared blocks free where they lie, down to a number; a slab whose last block this was becomes a run that
    /// any class can use.
    /// </summary>
    private void Release(int sizeClass, int keep)
    {
        ClassStock stock = _classes[sizeClass];
        List<long> blocks = stock.Blocks;
        while (blocks.Count > keep)
        {
            long block = blocks[^1];
            blocks.RemoveAt(blocks.Count - 1);
            Persist.Store((ulong*)(_space.Base + block), BlockHeader.Free);
            long page = _table.StartOf(block >> HeapFormat.PageShift, out PageDescriptor slab);
            if (!_free.TryGetValue(page, out int free))
            {
                continue; // not looked into since the attach, or withdrawn: the look will find the block
            }

            _free[page] = ++free;
            stock.Free++;
            if (free == SizeClasses.SlabBlocks(sizeClass, slab.Count))
            {
                Retire(page, slab);
                _runs.Give(page, slab.Count);
            }
            else if (free == 1)
            {
                stock.Partial.Add(page);
            }
        }
    }

    private int FreeIn(long page, int sizeClass) =>
        _free.GetValueOrDefault(page) is > 0 and var free && _table[page] is { Kind: PageKind.Slab } slab
            && slab.SizeClass == sizeClass ? free : 0;

    private int FullestOf(List<long> partial)
    {
        int best = partial.Count - 1;
        int least = int.MaxValue;
        for (int i = partial.Count - 1; i >= 0 && i >= partial.Count - Sample; i--)
        {
            if (_free.GetValueOrDefault(partial[i]) is > 0 and var free && free < least)
            {
                (best, least) = (i, free);
            }
        }

        return best;
    }

    private static long FreshPagesFor(int sizeClass, long blocks)
    {
        int pages = SizeClasses.SmallSlabPages(sizeClass);
        long blocksASlab = SizeClasses.SlabBlocks(sizeClass, pages);
        return (blocks + blocksASlab - 1) / blocksASlab * pages;
    }

    private byte* At(long page) => _space.Base + (page << HeapFormat.PageShift);
}

/// <summary>
/// A slab that could be emptied: what would have to move, and how many pages that would give. The default is none.
/// </summary>
internal readonly record struct SlabVictim(long Page, int SizeClass, long Pages, long UsedBytes, long Gain)
{
    public bool IsBetterThan(SlabVictim other) => other.Page == 0 || UsedBytes * other.Gain < other.UsedBytes * Gain;
}
