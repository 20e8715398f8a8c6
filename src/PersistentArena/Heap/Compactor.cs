using System.Diagnostics;
using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// Makes scattered free memory usable: empties slabs and stretches of pages by moving what lies in them. A record moves
/// as an update does that changes nothing, under the same intent, so that a crash at any store is answered by the
/// recovery that there is anyway.
/// </summary>
/// <remarks>
/// <para>Order of locks: the gate, then a bucket's lock (by the owner), then the heap's. The caller holds a lane and no
/// bucket's lock.</para>
/// <para>What does not move: tables, segments, roots, logs, an application's objects, records of a dictionary that is
/// not open, and what an open group's log names. Their slabs are noted and left alone.</para>
/// </remarks>
internal sealed unsafe class Compactor(HeapState state, BlockOwners owners)
{
    /// <summary>
    /// A slab is worth the work where at most so many sixteenths of it are in use: when there is room, and when there
    /// is none.
    /// </summary>
    private const int SparseEnough = 10;
    private const int AnythingButFull = 16;

    /// <summary>
    /// A write that needed a slab goes on while fewer pages are free, for so many slabs: not each of the next ones
    /// should have to wait.
    /// </summary>
    private const int PagesAhead = 16;
    private const int SlabsAhead = 8;

    private const int PagesASurvey = 1 << 16;
    private const int StretchesTried = 8;

    /// <summary>
    /// Below that many bytes in slabs, and below a share of what was handed out, a heap is not scattered.
    /// </summary>
    private const long ScatteredBytes = 2 << 20;
    private const int ScatteredShare = 8;

    private readonly Lock _gate = new();
    private readonly HashSet<long> _named = [];
    private readonly HashSet<long> _failed = [];
    private long _stuck;
    private long _hopelessPages = long.MaxValue;
    private long _hopelessLive;
    private long _blocksMoved;
    private long _bytesMoved;
    private long _pagesWon;

    /// <summary>
    /// Blocks that were moved since the attach, their bytes, and the bytes of pages that became free by it.
    /// </summary>
    public (long Blocks, long Bytes, long Won) Done => (Volatile.Read(ref _blocksMoved), Volatile.Read(ref _bytesMoved),
        Volatile.Read(ref _pagesWon) << HeapFormat.PageShift);

    /// <summary>True while moving blocks would make usable what is free.</summary>
    public bool IsScattered
    {
        get
        {
            long inSlabs = Blocks.Scattered.InSlabs;
            return inSlabs >= ScatteredBytes && inSlabs * ScatteredShare >= Blocks.FrontierBytes;
        }
    }

    private BlockAllocator Blocks => state.Blocks;

    private PageEmptying Emptying => state.Blocks.Emptying;

    /// <summary>Takes a block for a caller that holds no bucket's lock, making room where there is none.</summary>
    public long TakeMakingRoom(Lane lane, long size) =>
        MakingRoom(lane, (Blocks, lane, size), static it => it.Blocks.Take(it.lane, it.size));

    /// <summary>
    /// Does what takes blocks for a caller that holds no bucket's lock, making room where one is refused; after a
    /// refusal nothing is done.
    /// </summary>
    public T MakingRoom<TState, T>(Lane lane, TState at, Func<TState, T> take)
    {
        const int Tries = 16;
        try
        {
            for (int tries = 1; ; tries++)
            {
                try
                {
                    return take(at);
                }
                catch (ArenaOutOfSpaceException refused) when (tries < Tries)
                {
                    if (!MakeRoom(lane, refused.Requested))
                    {
                        throw;
                    }
                }
            }
        }
        finally
        {
            lane.TakesAnything = false;
        }
    }

    /// <summary>
    /// For a caller that was refused a block, and holds no bucket's lock: true where it is worth trying again.
    /// </summary>
    public bool MakeRoom(Lane lane, long size)
    {
        Blocks.FindAll(lane); // its own cache too, before the wait for other threads' turns
        lane.WaitsForRoom = true;
        lock (_gate)
        {
            lane.WaitsForRoom = false;
            if (Blocks.HasRoom(size, lane.TakesAnything))
            {
                return true;
            }

            owners.GiveUpGarbage(lane);
            state.KeptObjects.GiveDue(Blocks, lane);

            FindAllOfAll(lane);
            NameWhatStays();
            if (TryMakeRoom(lane, size, anyhow: false))
            {
                return true;
            }

            lane.TakesAnything = true;
            return TryMakeRoom(lane, size, anyhow: true);
        }
    }

    /// <summary>Works for about that long where the heap is scattered; true where there is more to do.</summary>
    public bool Step(Lane lane, TimeSpan limit)
    {
        if (Blocks.BytesBeyondFrontier >= Blocks.FrontierBytes || !_gate.TryEnter())
        {
            return false; // as much is left as was ever used; or a write is at it
        }

        try
        {
            long until = Stopwatch.GetTimestamp() + ToTicks(limit);
            Blocks.GiveUpCaches(lane);
            bool more = true;
            while (more && Stopwatch.GetTimestamp() < until)
            {
                more = Blocks.LookFurther();
            }

            NameWhatStays();
            while (IsScattered && Stopwatch.GetTimestamp() < until)
            {
                if (!EmptySparsest(lane, SparseEnough))
                {
                    return more;
                }
            }

            return more || IsScattered;
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>Has a collection asked to move its blocks from now on: what could not be moved may be its.</summary>
    public void AddOwner(IBlockOwner owner)
    {
        owners.Add(owner);
        Emptying.Unpin();
        Volatile.Write(ref _hopelessPages, long.MaxValue);
    }

    public void RemoveOwner(IBlockOwner owner) => owners.Remove(owner);

    private bool TryMakeRoom(Lane lane, long size, bool anyhow)
    {
        int pages = BlockSupply.PagesFor(size, anyhow);
        long live = owners.LiveBytes;
        if (pages >= _hopelessPages && live > _hopelessLive - HeapFormat.PageSize)
        {
            return Blocks.HasRoom(size, anyhow); // little went since this failed: it would again
        }

        long tried = 0;
        do
        {
            if (Blocks.HasRoom(size, anyhow))
            {
                EmptySome(lane);
                return true;
            }

            long free = Blocks.KnownFreeBytes >> HeapFormat.PageShift;
            if (free >= Math.Max(pages, tried + (pages / 4)))
            {
                tried = free + 1;
                if (TryEmptyStretch(lane, pages))
                {
                    return true;
                }
            }
        }
        while (EmptySparsest(lane, AnythingButFull));

        (_hopelessPages, _hopelessLive) = (pages, live);
        return false;
    }

    private void EmptySome(Lane lane)
    {
        for (int i = 0; i < SlabsAhead && Blocks.KnownFreeBytes < PagesAhead * HeapFormat.PageSize
            && EmptySparsest(lane, AnythingButFull); i++)
        {
        }
    }

    /// <summary>
    /// As <see cref="BlockAllocator.FindAll"/>, and waits a while for the lanes that others hold: a change takes
    /// microseconds. Those that wait for the gate hold a lane too, and nothing in it.
    /// </summary>
    private void FindAllOfAll(Lane lane)
    {
        SpinWait wait = default;
        while (!Blocks.FindAll(lane) && wait.Count < 100)
        {
            wait.SpinOnce(sleep1Threshold: -1);
        }
    }

    private static long ToTicks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    /// <summary>
    /// An open group's log leads to records by their offsets, and so does one of an earlier attach that was not rolled
    /// back yet.
    /// </summary>
    private void NameWhatStays()
    {
        _named.Clear();
        foreach (Lane lane in state.Lanes)
        {
            if ((lane.InGroup || lane.IsParked) && GroupLog.Exists(lane))
            {
                GroupLog log = GroupLog.Open(state.Space, lane);
                for (int i = 0; i < log.Count; i++)
                {
                    if (log.Entry(i) is { } entry)
                    {
                        _named.Add(entry.Old);
                        _named.Add(entry.New);
                    }
                }
            }
        }
    }

    private bool EmptySparsest(Lane lane, int fullest)
    {
        const int Tries = 8;
        for (int i = 0; i < Tries; i++)
        {
            SlabVictim victim = Emptying.WithdrawSparsest(fullest);
            if (victim.Page == 0)
            {
                return false;
            }

            if (Empty(lane, victim.Page, victim.Pages))
            {
                Volatile.Write(ref _pagesWon, _pagesWon + victim.Gain);
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Moves all out of a stretch that was withdrawn, and gives it back: free, or as it is where that cannot be done.
    /// </summary>
    private bool Empty(Lane lane, long start, long pages)
    {
        const int Passes = 3;
        _stuck = 0;
        bool returned = false;
        try
        {
            for (int pass = 1; !returned && pass <= Passes && TryMoveAll(lane, start, pages); pass++)
            {
                returned = Emptying.Return(start, pages, stuck: 0, final: false);
                if (!returned)
                {
                    Blocks.GiveUpCaches(lane); // another lane's cache held a block of it, or a change was in flight
                }
            }

            return returned;
        }
        finally
        {
            if (!returned)
            {
                Emptying.Return(start, pages, _stuck, final: true);
            }
        }
    }

    private bool TryMoveAll(Lane lane, long start, long pages)
    {
        for (long page = start; page < start + pages;)
        {
            PageDescriptor unit = Emptying.Describe(page);
            long size = unit.BlockSize;
            long block = page << HeapFormat.PageShift;
            for (int left = unit.Blocks; left > 0; left--, block += size)
            {
                if (BlockHeader.IsAllocated(Header(block)) && !TryMove(lane, block, size, page))
                {
                    return false;
                }
            }

            page += unit.Count;
        }

        return true;
    }

    private bool TryMove(Lane lane, long block, long size, long unit)
    {
        ulong before = Header(block);
        byte type = BlockHeader.TypeOf(before);
        if (type is (> 0 and <= BlockHeader.LastRecordType) or BlockHeader.TypeOverflow && !_named.Contains(block))
        {
            MoveOutcome outcome = owners.TryMove(lane, block, size);
            if (outcome == MoveOutcome.Moved)
            {
                Volatile.Write(ref _blocksMoved, _blocksMoved + 1);
                Volatile.Write(ref _bytesMoved, _bytesMoved + size);
            }

            if (outcome != MoveOutcome.NotMine)
            {
                return outcome == MoveOutcome.Moved;
            }

            if (Header(block) != before)
            {
                return true; // it was freed meanwhile, and may be in use again: the next pass sees
            }
        }

        _stuck = unit;
        return false;
    }

    private ulong Header(long block) => Volatile.Read(ref *(ulong*)state.At(block));

    /// <summary>Makes so many pages free side by side, where as many are free in all.</summary>
    private bool TryEmptyStretch(Lane lane, long pages)
    {
        long end = Blocks.FrontierBytes >> HeapFormat.PageShift;
        _failed.Clear();
        for (long from = HeapFormat.FirstPage; from < end && _failed.Count < StretchesTried;)
        {
            (long start, long length, long next) = Emptying.WithdrawStretch(from, Math.Min(end, from + PagesASurvey),
                pages, _failed);
            if (length == 0)
            {
                from = next;
                continue;
            }

            if (Empty(lane, start, length))
            {
                return true;
            }

            _failed.Add(start);
        }

        return false;
    }
}
