using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// An open log: puts its operations together over one <see cref="LogMemory"/>, ends what a crash left half done, and is
/// what the heap knows of it.
/// </summary>
/// <remarks>
/// <para>An operation uses what stands before it here, and nothing that comes after:</para>
/// <code>
/// LogMemory             what words lead to; LogRoot, LogDirectory, LogSegment
/// LogSearch             finds entries; LogSteps, those that a cursor comes to
/// LogReader             reads without a lock
/// LogWriter, LogTrimmer, LogGroup, LogPositions     the stores that make a change true (LogParts)
/// LogAppender, LogTrims, LogPositionChanges         changes, with their locks
/// LogCore               opens, and hands on
/// </code>
/// <para>One writer of a log at a time: a lane of the heap first, then <see cref="WriterGate"/>. Readers take
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
    private readonly LogMemory _memory;
    private readonly LogParts _parts;
    private readonly WriterGate _gate;

    private LogCore(PersistentHeap heap, string name, TimeProvider time)
    {
        Heap = heap;
        Time = time;
        long root = heap.FindRoot(name, LogRoot.Layout);
        if (root == 0)
        {
            root = Create(heap, name);
        }

        _memory = new LogMemory(heap, new LogRoot(heap.Base, root), new RootLife(heap.State, name, root));
        _parts = new LogParts(_memory);
        _gate = new WriterGate(heap, name);
        Reader = new LogReader(_memory);
        Appender = new LogAppender(_parts, _gate, time);
        Trims = new LogTrims(_parts, _gate, Reader);
        PositionChanges = new LogPositionChanges(_parts, _gate);
        if (*_memory.Root.HeaderWord != LogRoot.Header)
        {
            throw _memory.Damaged(root, "the root of a log does not check");
        }

        if (heap.Space.IsWritable)
        {
            Recover();
            heap.AddOwner(this);
            DroppedRoots.Watch(heap);
        }
    }

    public PersistentHeap Heap { get; }

    public TimeProvider Time { get; }

    public LogReader Reader { get; }

    public LogPositions Positions => _parts.Positions;

    public LogAppender Appender { get; }

    public LogTrims Trims { get; }

    public LogPositionChanges PositionChanges { get; }

    public long LiveBytes => 0; // Its segments do not move.

    /// <summary>Opens a log or creates it; the open one, where this heap has it open.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The root's name.</param>
    /// <param name="time">The clock; none for whichever it has.</param>
    public static LogCore Open(PersistentHeap heap, string name, TimeProvider? time) =>
        !heap.Space.IsWritable ? heap.OpenToRead(() => new LogCore(heap, name, heap.ClockOf(time)))
        : FindOpen(heap, name, time) ?? heap.Alone(() =>
        {
            if (FindOpen(heap, name, time) is { } open)
            {
                return open;
            }

            LogCore core = new(heap, name, heap.ClockOf(time));
            heap.Members.Join(core._memory.Root.Offset, core);
            return core;
        });

    public bool IsHeldBy(int thread) => _gate.IsHeldBy(thread);

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
            // The change was never begun, or is undone. A position that goes is there until the commit.
            if (added == 0)
            {
                throw NotOurs(block);
            }

            return;
        }

        LengthOf(block); // damage is told of here
        _gate.Enter();
        try
        {
            if (old == added)
            {
                _parts.Group.Revert(lane, block, Positions);
            }
            else
            {
                PositionChanges.Revert(lane, block, isNew: added != 0);
            }
        }
        finally
        {
            _gate.Leave();
        }
    }

    public MoveOutcome TryMove(Lane lane, long block, long room) => MoveOutcome.NotMine;

    public void End()
    {
        _memory.End();
        _gate.Close();
    }

    public void GiveUpGarbage(Lane lane) => Trims.Collect(lane, int.MaxValue);

    private static long Create(PersistentHeap heap, string name)
    {
        RootForm form = new(LogRoot.Layout, LogRoot.Size, LogRoot.Header, HeapFormat.Logs);
        return heap.CreateRoot(name, form, block =>
            Persist.Fill(heap.At(block) + sizeof(ulong), LogRoot.Size - sizeof(ulong), 0));
    }

    private static LogCore? FindOpen(PersistentHeap heap, string name, TimeProvider? time)
    {
        long root = heap.FindRoot(name, LogRoot.Layout);
        LogCore? open = root == 0 ? null : (LogCore?)heap.Members.Find(root);
        return open is null || time is null || ReferenceEquals(open.Time, time) ? open
            : throw new DictionaryOptionsException(heap.Space.Name, name);
    }

    /// <summary>Takes back groups that were not committed, and looks where the log ends.</summary>
    private void Recover()
    {
        _parts.Writer.Load();
        Heap.Rollback.RollBackParked(_memory.Root.Offset, this);
        _parts.Writer.Load();
        _parts.Group.ShowAll();
        if (Heap.Erases)
        {
            Lane lane = Heap.TakeLane();
            try
            {
                Trims.Erase(lane);
                _parts.Trimmer.EraseBehind();
            }
            finally
            {
                PersistentHeap.ReleaseLane(lane);
            }
        }
    }

    private HeapDamagedException NotOurs(long block) =>
        _memory.Damaged(block, "a group's log leads here, where there is nothing of a log");
}
