using System.Runtime.CompilerServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What a log does: opening, the lock of its writers, appends, trims, positions, groups.
/// </summary>
/// <remarks>
/// <para>One writer of a log at a time: a lane of the heap first, then <see cref="_gate"/>. Readers take
/// neither.</para>
/// <para>Invariants:</para>
/// <list type="number">
/// <item>Each segment that the directory names has an entry. So the last one tells the last id.</item>
/// <item>The log's version changes before a block that readers may look at can be used again, and before bytes that
/// were an entry's are written over. So what was read under one version was true.</item>
/// <item>While a group is open, no segment is given up that it may bring back.</item>
/// </list>
/// </remarks>
internal sealed unsafe class LogCore : IGroupMember, IBlockOwner
{
    // Segments that a call gives back, where the heap does not erase.
    private const int SegmentsATrim = 64;
    private const int SegmentsAnAppend = 2;

    // Others may take what was made before this does.
    private const int MostTries = 64;

    private readonly PersistentHeap _heap;
    private readonly TimeProvider _time;
    private readonly LogMemory _memory;
    private readonly LogWriter _writer;
    private readonly LogTrimmer _trimmer;
    private readonly LogGroup _group;
    private int _gate;

    private LogCore(PersistentHeap heap, string name, TimeProvider time)
    {
        _heap = heap;
        _time = time;
        long root = heap.FindRoot(name, LogRoot.Layout);
        if (root == 0)
        {
            root = Create(heap, name);
        }

        _memory = new LogMemory(heap, new LogRoot(heap.Base, root));
        Reader = new LogReader(_memory);
        Positions = new LogPositions(_memory);
        _writer = new LogWriter(_memory, Reader);
        _trimmer = new LogTrimmer(_memory, Reader, _writer);
        _group = new LogGroup(_memory, Reader, _writer, _trimmer);
        if (*_memory.Root.HeaderWord != LogRoot.Header)
        {
            throw _memory.Damaged(root, "the root of a log does not check");
        }

        if (heap.Space.IsWritable)
        {
            Recover();
            heap.AddOwner(this);
        }
    }

    public PersistentHeap Heap => _heap;

    public TimeProvider Time => _time;

    public LogReader Reader { get; }

    public LogPositions Positions { get; }

    public long LiveBytes => 0; // Its segments do not move.

    /// <summary>Opens a log or creates it; the open one, where this heap has it open.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The root's name.</param>
    /// <param name="time">The clock; none for whichever it has.</param>
    public static LogCore Open(PersistentHeap heap, string name, TimeProvider? time) =>
        !heap.Space.IsWritable ? OpenToRead(heap, name, time)
        : FindOpen(heap, name, time) ?? heap.Alone(() =>
        {
            if (FindOpen(heap, name, time) is { } open)
            {
                return open;
            }

            LogCore core = new(heap, name, time ?? TimeProvider.System);
            heap.Groups.Join(core._memory.Root.Offset, core);
            return core;
        });

    /// <summary>Appends an entry under the next id.</summary>
    public LogEntryId Append(ReadOnlySpan<byte> value)
    {
        LogEntryId id = default;
        Append(ref id, value, gives: true);
        return id;
    }

    /// <summary>Appends an entry under an id; false where the last one is not below it.</summary>
    public bool TryAppend(LogEntryId id, ReadOnlySpan<byte> value) => Append(ref id, value, gives: false);

    /// <summary>Trims the entries before the first one that is not below a key; returns how many.</summary>
    public long Trim(LogKey key) => TrimTo(key, long.MaxValue);

    /// <summary>Trims all but the last so many; returns how many.</summary>
    public long TrimToCount(long count) => TrimTo(null, count);

    /// <summary>Gives trimmed segments back; true where there are more.</summary>
    public bool CollectGarbage(int segments)
    {
        Lane lane = _heap.TakeLane();
        try
        {
            Enter();
            try
            {
                return _trimmer.Collect(lane, _group.Collectable, segments);
            }
            finally
            {
                Leave();
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    /// <summary>Sets a position, or adds it.</summary>
    public void SetPosition(ReadOnlySpan<byte> name, LogEntryId id)
    {
        Lane lane = _heap.TakeLane();
        try
        {
            if (!TrySetPosition(lane, name, id, block: 0))
            {
                AddPosition(lane, name, id);
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    /// <summary>Removes a position; false where there is none of that name.</summary>
    public bool RemovePosition(ReadOnlySpan<byte> name)
    {
        Lane lane = _heap.TakeLane();
        try
        {
            Enter();
            try
            {
                LogPosition position = Positions.Find(name);
                if (position.Offset == 0)
                {
                    return false;
                }

                if (lane.InGroup)
                {
                    _heap.Groups.Append(lane, new GroupEntry(position.Offset, 0, _memory.Root.Offset));
                }

                Positions.Remove(lane, name, frees: !lane.InGroup);
                return true;
            }
            finally
            {
                Leave();
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    public bool IsHeldBy(int thread) => Volatile.Read(ref _gate) == thread;

    public long LengthOf(long block) => (byte)*(ulong*)_memory.At(block) switch
    {
        BlockHeader.TypeLogNote => LogNote.Size,
        BlockHeader.TypeLogPosition => LogPosition.Size,
        _ => throw NotOurs(block),
    };

    /// <summary>Undoes one change of a group, if it happened and was not undone before.</summary>
    public void Revert(Lane lane, long old, long added)
    {
        long block = added != 0 ? added : old;
        if (!BlockHeader.IsAllocated(*(ulong*)_memory.At(block)))
        {
            return; // the change was never begun, or is undone
        }

        LengthOf(block); // damage is told of here
        Enter();
        try
        {
            if (old == added)
            {
                _group.Revert(lane, block, Positions);
            }
            else if (Positions.Contains(block) == (added != 0))
            {
                RevertPosition(lane, block, isNew: added != 0);
            }
        }
        finally
        {
            Leave();
        }
    }

    public MoveOutcome TryMove(Lane lane, long block, long room) => MoveOutcome.NotMine;

    public void GiveUpGarbage(Lane lane)
    {
        Enter();
        try
        {
            _trimmer.Collect(lane, _group.Collectable, int.MaxValue);
        }
        finally
        {
            Leave();
        }
    }

    private static long Create(PersistentHeap heap, string name)
    {
        RootForm form = new(LogRoot.Layout, LogRoot.Size, LogRoot.Header, HeapFormat.Logs);
        return heap.CreateRoot(name, form, block =>
            Persist.Fill(heap.At(block) + sizeof(ulong), LogRoot.Size - sizeof(ulong), 0));
    }

    private static LogCore OpenToRead(PersistentHeap heap, string name, TimeProvider? time) =>
        new(heap, name, time ?? TimeProvider.System);

    private static LogCore? FindOpen(PersistentHeap heap, string name, TimeProvider? time)
    {
        long root = heap.FindRoot(name, LogRoot.Layout);
        LogCore? open = root == 0 ? null : (LogCore?)heap.Groups.Find(root);
        return open is null || time is null || ReferenceEquals(open._time, time) ? open
            : throw new DictionaryOptionsException(heap.Space.Name, name);
    }

    /// <summary>Takes back groups that were not committed, and looks where the log ends.</summary>
    private void Recover()
    {
        _writer.Load();
        _heap.Groups.RollBackParked(_memory.Root.Offset, this);
        _writer.Load();
        if (_heap.Erases)
        {
            Lane lane = _heap.TakeLane();
            try
            {
                Erase(lane);
                _trimmer.EraseBehind();
            }
            finally
            {
                PersistentHeap.ReleaseLane(lane);
            }
        }
    }

    private bool Append(ref LogEntryId id, ReadOnlySpan<byte> value, bool gives)
    {
        if (value.Length > LogSegment.MaximumEntryLength)
        {
            throw LogErrors.TooLong(value.Length);
        }

        Lane lane = _heap.TakeLane();
        try
        {
            ArenaOutOfSpaceException? refused = TryOnce(lane, ref id, value, gives, out bool done);
            for (int tries = 1; refused is not null; tries++)
            {
                if (tries > MostTries || !_heap.MakeRoom(lane, refused.Asked))
                {
                    throw refused;
                }

                refused = TryOnce(lane, ref id, value, gives, out done);
            }

            return done;
        }
        finally
        {
            lane.TakesAnything = false;
            PersistentHeap.ReleaseLane(lane);
        }
    }

    /// <summary>
    /// One try under the log's lock; what it gives back is the refusal of a block, after which nothing was changed.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ArenaOutOfSpaceException? TryOnce(
        Lane lane, ref LogEntryId id, ReadOnlySpan<byte> value, bool gives, out bool done)
    {
        Enter();
        try
        {
            done = false;
            if (gives)
            {
                id = NextId();
            }
            else if (id <= _writer.Last)
            {
                return null;
            }

            if (lane.InGroup)
            {
                _group.Note(lane);
            }

            if (!_writer.Fits(value.Length))
            {
                _trimmer.Collect(lane, _group.Collectable, SegmentsAnAppend);
            }

            _writer.Append(lane, id, value);
            done = true;
            return null;
        }
        catch (ArenaOutOfSpaceException refused)
        {
            done = false;
            return refused;
        }
        finally
        {
            Leave();
        }
    }

    private LogEntryId NextId()
    {
        ulong now = (ulong)Math.Max(0, _time.GetUtcNow().ToUnixTimeMilliseconds());
        LogEntryId highest = _writer.Highest;
        return now > highest.Milliseconds ? new(now, 0) : highest.Next();
    }

    private long TrimTo(LogKey? key, long count)
    {
        Lane lane = _heap.TakeLane();
        try
        {
            Enter();
            try
            {
                (long first, long end) = Reader.Ends();
                long to = key is { } from ? Reader.IndexOf(from) : Math.Max(first, end - count);
                if (to > first)
                {
                    TrimLocked(lane, to);
                }

                return to - first;
            }
            finally
            {
                Leave();
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    private void TrimLocked(Lane lane, long to)
    {
        if (lane.InGroup)
        {
            if (_heap.Erases)
            {
                throw AtomicGroupException.TrimsAndErases(_heap.Space.Name);
            }

            _group.Note(lane);
            _trimmer.Trim(to);
            return;
        }

        _trimmer.Trim(to);
        if (_heap.Erases)
        {
            Erase(lane);
        }
        else
        {
            _trimmer.Collect(lane, to, SegmentsATrim);
        }
    }

    // Before a trim returns, where the heap erases: all that was trimmed.
    private void Erase(Lane lane)
    {
        _trimmer.Collect(lane, _group.Collectable, int.MaxValue);
        _trimmer.EraseTrimmed();
    }

    private bool TrySetPosition(Lane lane, ReadOnlySpan<byte> name, LogEntryId id, long block)
    {
        Enter();
        try
        {
            LogPosition position = Positions.Find(name);
            if (position.Offset == 0 && block == 0)
            {
                return false;
            }

            if (position.Offset == 0)
            {
                Positions.Fill(lane, block, name, id);
                if (lane.InGroup)
                {
                    _heap.Groups.Append(lane, new GroupEntry(0, block, _memory.Root.Offset));
                }

                Positions.Add(lane, block);
                return true;
            }

            if (lane.InGroup)
            {
                _group.Note(lane, position);
            }

            Positions.Set(position, id);
            return block == 0;
        }
        finally
        {
            Leave();
        }
    }

    // The block is taken without the lock: room may have to be made for it, and by this log too.
    private void AddPosition(Lane lane, ReadOnlySpan<byte> name, LogEntryId id)
    {
        long block = _heap.TakeMakingRoom(lane, LogPosition.Size);
        bool used = false;
        try
        {
            used = TrySetPosition(lane, name, id, block);
        }
        catch (Exception error)
        {
            RecordFiller.TakeBack(_heap, lane, error, block, LogPosition.Size);
            throw;
        }

        if (!used)
        {
            _heap.Blocks.Give(lane, block, LogPosition.Size); // another thread added it meanwhile, and it was set
        }
    }

    private void RevertPosition(Lane lane, long block, bool isNew)
    {
        if (isNew)
        {
            LogPosition position = new(_memory.At(0), block);
            Positions.Remove(lane, position.Name, frees: true);
        }
        else
        {
            Positions.AddBack(block);
        }
    }

    private HeapDamagedException NotOurs(long block) =>
        _memory.Damaged(block, "a group's log leads here, where there is nothing of a log");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Enter()
    {
        int me = ThreadNumber.Current;
        if (Interlocked.CompareExchange(ref _gate, me, 0) != 0)
        {
            Gate.Wait(ref _gate, me, _heap);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Leave() => Volatile.Write(ref _gate, 0);
}

/// <summary>What a log refuses.</summary>
internal static class LogErrors
{
    public static ArgumentException TooLong(long length) =>
        new($"An entry of a log has at most {LogSegment.MaximumEntryLength:N0} bytes; this one would have "
            + $"{length:N0}. Nothing was changed. Split it over several entries.", nameof(length));

    public static ArgumentException NotAbove(LogEntryId id, LogEntryId last) =>
        new($"Ids of a log rise: {id} is not above the last one, {last}. Nothing was changed. Take a higher id, or let "
            + "the log give one.", nameof(id));
}
