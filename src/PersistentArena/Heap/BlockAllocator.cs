using System.Runtime.CompilerServices;
using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// Blocks of any size. Small ones come from slabs through the lane's cache, large ones are runs of pages. Nothing here
/// is needed to survive: which block is free stands in its header.
/// </summary>
/// <remarks>
/// <para>A block that a lane's cache has is taken without a lock. All else happens under the heap's lock, which is
/// this object's: <see cref="BlockSupply"/> searches, and where that finds nothing the caller lets go of its bucket and
/// asks <see cref="Compactor"/>.</para>
/// <para>Invariants:</para>
/// <list type="number">
/// <item>A block that is handed out is free by its header. Else it is somebody's.</item>
/// <item>A block that comes back is free by its header. Else the next owner writes over what is true.</item>
/// <item>Blocks begin at multiples of 16: a dictionary's slot has no bits for less.</item>
/// </list>
/// </remarks>
internal sealed unsafe class BlockAllocator
{
    /// <summary>Sizes whose slab is one page were never runs.</summary>
    private const long NeverRun = 4096;

    private readonly Lock _lock = new();
    private readonly IHeapSpace _space;
    private readonly PageTable _table;
    private readonly RunAllocator _runs;
    private readonly BlockSupply _supply;

    public BlockAllocator(IHeapSpace space, Lane[] lanes)
    {
        _space = space;
        _table = new PageTable(space);
        _runs = new RunAllocator(space, _table);
        _supply = new BlockSupply(space, _table, _runs, lanes);
        Emptying = new PageEmptying(_lock, space, _table, _runs, _supply.Slabs);
    }

    /// <summary>The pages that are being emptied.</summary>
    public PageEmptying Emptying { get; }

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
                    _supply.Slabs.FreeBytes);
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
            _supply.BeforeSearch(check);
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
            return _supply.TakeRun(lane, size, emergency: false, backed: false);
        }
    }

    /// <inheritdoc cref="BlockSupply.TakeForMove"/>
    public long TakeForMove(Lane lane, long size)
    {
        lock (_lock)
        {
            return _supply.TakeForMove(lane, size);
        }
    }

    /// <inheritdoc cref="BlockSupply.HasRoom"/>
    public bool HasRoom(long size, bool anyhow)
    {
        lock (_lock)
        {
            return _supply.HasRoom(size, anyhow);
        }
    }

    /// <inheritdoc cref="BlockSupply.FindAll"/>
    public bool FindAll(Lane lane)
    {
        lock (_lock)
        {
            return _supply.FindAll(lane);
        }
    }

    /// <inheritdoc cref="BlockSupply.GiveUpCaches"/>
    public void GiveUpCaches(Lane lane)
    {
        lock (_lock)
        {
            _supply.GiveUpCaches(lane);
        }
    }

    /// <summary>As <see cref="GiveUpCaches(Lane)"/>, for a heap that is closed: nobody holds a lane.</summary>
    public void GiveUpCaches()
    {
        lock (_lock)
        {
            try
            {
                _supply.GiveUpCaches(lane: null);
            }
            catch (HeapDamagedException)
            {
                // What was not given back stays kept until the next attach. A search for room there tells the damage.
            }
        }
    }

    /// <inheritdoc cref="BlockSupply.LookFurther"/>
    public bool LookFurther()
    {
        lock (_lock)
        {
            return _supply.LookFurther();
        }
    }

    private bool IsFree(long block) => !BlockHeader.IsAllocated(*(ulong*)(_space.Base + block));

    private long TakeSlow(Lane lane, long size, bool emergency)
    {
        lock (_lock)
        {
            if (size > SizeClasses.Largest)
            {
                return _supply.TakeRun(lane, size, emergency, backed: true);
            }

            int sizeClass = SizeClasses.ClassOf(size);
            return _supply.Refill(lane, sizeClass, emergency) && lane.Cache.TryPop(sizeClass, out long block) ? block
                : throw _supply.OutOfSpace(size);
        }
    }

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

    private void Spill(Lane lane, int sizeClass, long block)
    {
        lock (_lock)
        {
            _supply.SlabsChange();
            _supply.Slabs.Add(sizeClass, block);
            for (int i = 1; i < SlabStock.BatchOf(sizeClass) && lane.Cache.TryPop(sizeClass, out long other); i++)
            {
                _supply.Slabs.Add(sizeClass, other);
            }

            _supply.Slabs.Trim(sizeClass);
        }
    }

    private void GiveRun(long block)
    {
        lock (_lock)
        {
            long page = block >> HeapFormat.PageShift;
            Persist.Store((ulong*)(_space.Base + block), BlockHeader.Free);
            if (!_supply.WillSee(page) && !Emptying.Covers(page))
            {
                _runs.Give(page, _table[page].Count);
            }
        }
    }
}
