using System.Runtime.CompilerServices;

namespace GuestMemFs.Heap;

/// <summary>
/// Who may change the heap: the threads that hold a lane each, or one thread alone, or nobody.
/// </summary>
/// <remarks>
/// <para>A thread takes its lane before any other lock of the heap and of its dictionaries, and waits for one with none
/// of them in its hands.</para>
/// <para>One that has the heap alone first stores itself into <see cref="_exclusiveThread"/>, then waits for each lane.
/// A thread that takes a lane looks at that word afterwards. So one of the two sees the other.</para>
/// </remarks>
internal sealed unsafe class HeapLanes
{
    /// <summary>In the place of the thread that has the heap for itself: nobody has it any more.</summary>
    private const int Closed = -1;

    /// <summary>
    /// In the place of the thread that has the heap for itself: nobody may change it. Every change takes a lane or the
    /// whole heap, and meets this there.
    /// </summary>
    private const int ReadOnly = -2;

    /// <summary>How long a close waits for another thread's group before it takes the group back.</summary>
    private const long PatienceMilliseconds = 1000;

    /// <summary>Turns of waiting before a thread asks whether it waits for itself.</summary>
    private const int TurnsBeforeAsking = 16;

    [ThreadStatic]
    private static int t_hint;

    private readonly HeapState _state;
    private readonly GroupMembers _members;
    private readonly GroupRollback _rollback;
    private readonly Lane[] _lanes;
    private readonly Lock _endings = new();
    private int _exclusiveThread;

    // Of the thread that has the heap for itself. Thread numbers are used again, objects are not. Empty while nobody
    // has it.
    private Thread? _owner;
    private Lane? _exclusiveLane;

    // The number of the open group; 0 for none.
    private long _openGroup;
    private long _lastGroup;

    public HeapLanes(HeapState state, GroupMembers members, GroupRollback rollback)
    {
        _state = state;
        _members = members;
        _rollback = rollback;
        _lanes = state.Lanes;
        _exclusiveThread = state.Space.IsWritable ? 0 : ReadOnly;
    }

    /// <summary>True where this thread has the heap for itself.</summary>
    public bool IsMine =>
        Volatile.Read(ref _exclusiveThread) == Environment.CurrentManagedThreadId
            && ReferenceEquals(Volatile.Read(ref _owner), Thread.CurrentThread);

    /// <summary>
    /// Takes a lane for a change. Waits where all are held, and while another thread has the heap for itself.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Lane Take()
    {
        Lane lane = _lanes[t_hint];
        if (lane.TryTake(ThreadNumber.Current))
        {
            if (Volatile.Read(ref _exclusiveThread) == 0)
            {
                return lane;
            }

            lane.Release();
        }

        return TakeSlow();
    }

    /// <summary>Gives a lane back. That of a thread that has the heap for itself stays with it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Give(Lane lane)
    {
        if (lane.IsExclusive)
        {
            lane.Leave();
        }
        else
        {
            lane.Release();
        }
    }

    /// <summary>Takes a lane, which is given back when what this returns is disposed of.</summary>
    public LaneScope Hold(out Lane lane) => new(lane = Take());

    /// <summary>
    /// Has the heap for this thread alone until <see cref="EndExclusive"/>: waits for changes in flight, keeps others
    /// out.
    /// </summary>
    /// <exception cref="AtomicGroupException">This thread has it already.</exception>
    public Lane BeginExclusive()
    {
        if (IsMine)
        {
            throw AtomicGroupException.Nested(_state.Space.Name);
        }

        int me = Environment.CurrentManagedThreadId;
        SpinWait spin = default;
        for (int turns = 1; Interlocked.CompareExchange(ref _exclusiveThread, me, 0) != 0; turns++)
        {
            ThrowIfClosed();
            Wait(ref spin, turns);
        }

        Lane? mine = null;
        try
        {
            mine = WaitForLanes();
        }
        finally
        {
            if (mine is null)
            {
                Volatile.Write(ref _exclusiveThread, 0);
            }
        }

        mine.IsExclusive = true;
        Volatile.Write(ref _exclusiveLane, mine);
        Volatile.Write(ref _owner, Thread.CurrentThread);
        return mine;
    }

    /// <summary>
    /// Does something while nothing of the heap changes: no change is in flight, no group is open, and what wants to
    /// begin waits.
    /// </summary>
    /// <exception cref="AtomicGroupException">This thread has a group open.</exception>
    public void WhileStill(Action action)
    {
        Lane lane = BeginExclusive();
        try
        {
            action();
        }
        finally
        {
            EndExclusive(lane);
        }
    }

    /// <summary>Does something with no other writer beside it; in a group of this thread's too.</summary>
    public void Alone(Action action)
    {
        if (IsMine)
        {
            action();
        }
        else
        {
            WhileStill(action);
        }
    }

    /// <inheritdoc cref="Alone(Action)"/>
    public T Alone<T>(Func<T> action)
    {
        if (IsMine)
        {
            return action();
        }

        Lane lane = BeginExclusive();
        try
        {
            return action();
        }
        finally
        {
            EndExclusive(lane);
        }
    }

    /// <summary>Makes what <see cref="BeginExclusive"/> gave a group's; its number.</summary>
    public long BeginGroup(Lane lane)
    {
        lane.InGroup = true;
        lane.Group = ++_lastGroup;
        Volatile.Write(ref _openGroup, _lastGroup);
        return _lastGroup;
    }

    /// <summary>The number of the group that is open; that of none where it is another thread's, or there is
    /// none.</summary>
    public long OpenGroup => IsMine ? Volatile.Read(ref _openGroup) : 0;

    /// <summary>Begins the last call of this thread's group; none where it has ended.</summary>
    /// <exception cref="AtomicGroupException">It is another thread's.</exception>
    public Lane? EnterGroup(long number)
    {
        for (SpinWait spin = default; ; spin.SpinOnce())
        {
            if (Volatile.Read(ref _openGroup) != number || Volatile.Read(ref _exclusiveLane) is not { } lane)
            {
                return null;
            }

            if (!IsMine)
            {
                return Volatile.Read(ref _openGroup) != number ? null // the close took it back meanwhile
                    : throw AtomicGroupException.OfAnotherThread(_state.Space.Name);
            }

            if (!lane.TryEnter(Environment.CurrentManagedThreadId))
            {
                ThrowIfReentered(lane);
                continue;
            }

            if (Volatile.Read(ref _openGroup) == number)
            {
                return lane;
            }

            lane.Leave();
            return null; // the close took the group back meanwhile
        }
    }

    /// <param name="lane">What <see cref="BeginExclusive"/> gave.</param>
    /// <param name="parked">True where its group could not be ended: the lane is out of use until the next
    /// attach.</param>
    public void EndExclusive(Lane lane, bool parked = false) => End(lane, parked, next: 0);

    /// <summary>
    /// Waits for the changes in flight and refuses later ones: the arena is about to be marked as closed clean, and may
    /// have another writer after that. Reads find the memory as long as the region is not disposed of.
    /// </summary>
    public void Close()
    {
        ThrowIfHeldBy(Environment.CurrentManagedThreadId);
        _ = Interlocked.CompareExchange(ref _exclusiveThread, Closed, ReadOnly);
        SpinWait spin = default;
        long until = Environment.TickCount64 + PatienceMilliseconds;
        for (int turns = 1; Interlocked.CompareExchange(ref _exclusiveThread, Closed, 0) is not (0 or Closed); turns++)
        {
            if (IsMine)
            {
                throw AtomicGroupException.OpenAtClose(_state.Space.Name);
            }

            if (Environment.TickCount64 >= until)
            {
                TakeBackGroup(next: Closed);
            }

            Wait(ref spin, turns);
        }

        foreach (Lane lane in _lanes)
        {
            for (SpinWait wait = default; lane.IsHeld && !lane.IsParked;)
            {
                wait.SpinOnce();
            }
        }
    }

    /// <summary>Throws where nobody may change the heap (any more).</summary>
    public void ThrowIfClosed()
    {
        int holder = Volatile.Read(ref _exclusiveThread);
        if (holder == ReadOnly)
        {
            throw ArenaReadOnlyException.OfRegion(_state.Space.Name, "changing its heap");
        }

        if (holder == Closed)
        {
            _state.ThrowIfGone();
            throw HeapErrors.Closed(_state.Space);
        }
    }

    /// <summary>
    /// Throws where this thread is in a callback of a change or of a look at locked records: it would wait for itself.
    /// </summary>
    public void ThrowIfHeldBy(int thread)
    {
        foreach (Lane lane in _lanes)
        {
            if (lane.Holder == thread && !lane.IsExclusive && !lane.IsParked)
            {
                throw new ReentrantCallException(_state.Space.Name);
            }
        }

        if (_members.IsAnyHeldBy(thread))
        {
            throw new ReentrantCallException(_state.Space.Name);
        }
    }

    private Lane TakeSlow()
    {
        if (IsMine)
        {
            return EnterExclusive();
        }

        int me = Environment.CurrentManagedThreadId;
        if (_lanes[t_hint].Holder == me)
        {
            ThrowIfHeldBy(me);
        }

        SpinWait spin = default;
        for (int turns = 1; ; turns++)
        {
            ThrowIfClosed();
            for (int i = 0; i < HeapFormat.LaneCount && Volatile.Read(ref _exclusiveThread) == 0; i++)
            {
                Lane lane = _lanes[i];
                if (lane.TryTake(me))
                {
                    if (Volatile.Read(ref _exclusiveThread) == 0)
                    {
                        t_hint = i;
                        return lane;
                    }

                    lane.Release();
                }
            }

            Wait(ref spin, turns);
        }
    }

    /// <summary>Begins a call of the thread that has the heap for itself.</summary>
    private Lane EnterExclusive()
    {
        if (Volatile.Read(ref _exclusiveLane) is not { } lane)
        {
            ThrowIfClosed();
            throw AtomicGroupException.Ended();
        }

        for (SpinWait spin = default; !lane.TryEnter(Environment.CurrentManagedThreadId); spin.SpinOnce())
        {
            ThrowIfReentered(lane);
            ThrowIfClosed();
        }

        if (IsMine)
        {
            return lane;
        }

        lane.Leave(); // the close took the group back meanwhile
        ThrowIfClosed();
        throw AtomicGroupException.Ended();
    }

    private void ThrowIfReentered(Lane lane)
    {
        if (lane.Caller == Environment.CurrentManagedThreadId)
        {
            throw new ReentrantCallException(_state.Space.Name);
        }
    }

    private Lane WaitForLanes()
    {
        int me = Environment.CurrentManagedThreadId;
        Lane? mine = null;
        try
        {
            foreach (Lane lane in _lanes)
            {
                if (lane.IsParked || (mine is null && lane.TryTake(me)))
                {
                    mine ??= lane.IsParked ? null : lane;
                    continue;
                }

                SpinWait wait = default;
                for (int turns = 0; lane.IsHeld; turns++)
                {
                    ThrowIfWaitingForSelf(lane, me, turns);
                    wait.SpinOnce();
                }
            }
        }
        catch
        {
            mine?.Release();
            throw;
        }

        return mine ?? TakeAny(me); // every lane was held a moment ago, and none can be taken by others now
    }

    // Of its own: a lambda here would cost each group an object.
    private Lane TakeAny(int me) => _lanes.First(lane => lane.TryTake(me));

    private void ThrowIfWaitingForSelf(Lane lane, int me, int turns)
    {
        if (lane.Holder == me || (turns == TurnsBeforeAsking && _members.IsAnyHeldBy(me)))
        {
            throw new ReentrantCallException(_state.Space.Name);
        }
    }

    private void End(Lane lane, bool parked, int next)
    {
        Volatile.Write(ref _openGroup, 0);
        lane.InGroup = false;
        lane.IsExclusive = false;
        lane.IsParked = parked;
        Volatile.Write(ref _owner, null);
        Volatile.Write(ref _exclusiveLane, null);
        lane.Leave();
        if (!parked)
        {
            lane.Release();
        }

        Volatile.Write(ref _exclusiveThread, next);
    }

    /// <summary>
    /// A turn of waiting for the thread that has the heap for itself. It may have ended, or be this one, in a callback.
    /// </summary>
    private void Wait(ref SpinWait spin, int turns)
    {
        if (Volatile.Read(ref _owner) is { IsAlive: false } ended)
        {
            TakeBackGroup(next: 0, ended);
        }

        if (turns == TurnsBeforeAsking)
        {
            ThrowIfHeldBy(Environment.CurrentManagedThreadId);
        }

        spin.SpinOnce();
    }

    /// <summary>
    /// Ends another thread's group as if it had been disposed of, unless a call of that thread is under way.
    /// </summary>
    /// <param name="next">Who has the heap then.</param>
    /// <param name="of">Whose group it has to be: the one that it was seen with may have ended it before it ended
    /// itself, and the heap be another thread's by now.</param>
    private void TakeBackGroup(int next, Thread? of = null)
    {
        lock (_endings)
        {
            if (Volatile.Read(ref _openGroup) is not 0 and var group && Volatile.Read(ref _exclusiveLane) is { } lane
                && lane.TryEnter(Environment.CurrentManagedThreadId))
            {
                if (Volatile.Read(ref _openGroup) != group
                    || (of is not null && !ReferenceEquals(Volatile.Read(ref _owner), of)))
                {
                    lane.Leave();
                    return;
                }

                bool parked = true;
                try
                {
                    _rollback.TakeBack(lane);
                    parked = false;
                }
                finally
                {
                    End(lane, parked, next);
                }
            }
        }
    }
}

/// <summary>A lane that a thread holds until this is disposed of.</summary>
internal readonly ref struct LaneScope(Lane lane)
{
    public void Dispose() => HeapLanes.Give(lane);
}
