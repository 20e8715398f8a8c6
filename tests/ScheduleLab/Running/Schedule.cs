using GuestMemFs.ScheduleLab.Seam;

namespace GuestMemFs.ScheduleLab.Running;

/// <summary>Another thread goes on at a step.</summary>
internal readonly record struct Preemption(int Step, int Target);

/// <summary>A line of a schedule's table.</summary>
internal readonly record struct Step(int Number, int Thread, PointKind Kind, long Offset, ulong Value, int Line,
    string File, string? Text = null);

/// <summary>Something that the library must not do: damage, a wait that does not end, a store outside of the
/// heap.</summary>
internal sealed class ScheduleException(string message) : Exception(message);

/// <summary>Ends a thread whose process is dead, or whose schedule has failed.</summary>
internal sealed class ThreadDiesException : Exception;

/// <summary>Runs threads one at a time. At each point the plan, or chance, says which thread goes on; a thread that
/// waits is passed over until something has changed.</summary>
internal sealed unsafe class Schedule : IDisposable
{
    private const int MostSteps = 8_000;
    private const int ChangesOfPriority = 4;
    private const int MostFruitless = 600;

    private readonly Worker[] _workers;
    private readonly Futex _end = new();
    private readonly byte[] _choices = new byte[MostSteps + 1];
    private Preemption[] _plan = [];
    private int _next;
    private int _count;
    private Random? _chance;
    private int _fruitless;
    private long _fruitlessSince;
    private readonly int[] _changeAt = new int[ChangesOfPriority];

    public Schedule(Memory memory, int threads, int processor)
    {
        Memory = memory;
        _workers = [.. Enumerable.Range(0, threads).Select(i => new Worker(i, processor) { Schedule = this })];
    }

    public Memory Memory { get; }

    /// <summary>Whether somebody may take a snapshot, so that each store looks for one.</summary>
    public bool HasSnapshots { get; set; }

    /// <summary>Who watches stores in this process.</summary>
    public Watching Watching { get; set; } = new();

    /// <summary>Points passed so far.</summary>
    public int Steps { get; private set; }

    /// <summary>Stores of anything shared so far.</summary>
    public long Changes { get; set; }

    /// <summary>The first thing that went wrong, or null.</summary>
    public string? Failure { get; private set; }

    /// <summary>Where set, the steps are noted.</summary>
    public List<Step>? Trace { get; set; }

    /// <summary>Called after each persistent store, on the storing thread.</summary>
    public Action<Worker, bool>? AfterStore { get; set; }

    /// <summary>Called at each point, on the thread that is there.</summary>
    public Action<Worker>? AtPoint { get; set; }

    /// <summary>For each step the threads, as bits, that could have gone on instead of the one that did.</summary>
    public ReadOnlySpan<byte> Choices => _choices.AsSpan(0, Math.Min(Steps, MostSteps));

    public IReadOnlyList<Worker> Workers => _workers;

    /// <summary>Runs the bodies by a plan: the first thread, and where another one goes on.</summary>
    public void Run(ReadOnlySpan<Action<Worker>> bodies, int first, Preemption[] plan)
    {
        _plan = plan;
        _chance = null;
        Start(bodies, first);
    }

    /// <summary>Runs the bodies by chance: PCT, where a thread's priority falls at a few random steps and the highest
    /// one runs.</summary>
    public void RunByChance(ReadOnlySpan<Action<Worker>> bodies, Random chance, int length)
    {
        _plan = [];
        _chance = chance;
        int[] order = [.. Enumerable.Range(0, bodies.Length)];
        chance.Shuffle(order);
        for (int i = 0; i < bodies.Length; i++)
        {
            _workers[i].Priority = ChangesOfPriority + order[i];
        }

        for (int i = 0; i < ChangesOfPriority; i++)
        {
            _changeAt[i] = chance.Next(length);
        }

        Start(bodies, Array.IndexOf(order, bodies.Length - 1));
    }

    private void Start(ReadOnlySpan<Action<Worker>> bodies, int first)
    {
        (Steps, Changes, Failure, _next, _count) = (0, 0, null, 0, bodies.Length);
        (_fruitless, _fruitlessSince) = (0, -1);

        for (int i = 0; i < bodies.Length; i++)
        {
            _workers[i].Reset();
            _workers[i].Body = bodies[i];
        }

        _workers[first].Go();
        _end.Wait();
    }

    public void RunBody(Worker me)
    {
        try
        {
            if (!me.Dying)
            {
                me.Body!(me);
            }
        }
        catch (ThreadDiesException)
        {
            // Its process is dead.
        }
        catch (InvalidOperationException) when (me.Dying)
        {
            // So it is here: an invariant does not hold while the library gives back what a dead process would not.
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            Fail($"thread {me.Index}: {error.GetType().Name}: {error.Message}");
        }
    }

    public void Finished(Worker me)
    {
        me.Done = true;
        Changes++; // for whoever waits for a thread that may have ended
        if ((Next(me) ?? Waiting(me)) is not { } next)
        {
            _end.Set();
        }
        else
        {
            next.Go();
        }
    }

    /// <summary>A thread is about to touch shared memory.</summary>
    public void Point(Worker me, PointKind kind, nint at, ulong value, int line, string file)
    {
        if (me.Dying)
        {
            return;
        }

        int step = Steps++;
        if (step >= MostSteps)
        {
            Fail($"{MostSteps} steps, and no end");
            throw new ThreadDiesException();
        }

        me.WaitsSince = -1;
        long offset = at == 0 ? 0 : at - (nint)Memory.Base;
        Trace?.Add(new Step(step, me.Index, kind, offset, value, line, file));
        if (AtPoint is { } look)
        {
            Worker.Current = null;
            look(me);
            Worker.Current = me;
        }

        bool own = offset >= Heap.HeapFormat.LanesOffset && offset < Heap.HeapFormat.LanesOffset + (
            Heap.HeapFormat.LaneCount * Heap.HeapFormat.LaneLength);
        _choices[step] = own ? (byte)0 : Others(me); // a lane's words are its holder's alone
        Worker? other = _chance is null ? Planned(step) : ByPriority(me, step);
        if (other is not null && other != me)
        {
            SwitchTo(me, other);
        }
    }

    /// <summary>A thread waits: others go on, until something has changed.</summary>
    public void Blocked(Worker me)
    {
        if (me.Dying)
        {
            throw new ThreadDiesException();
        }

        Trace?.Add(new Step(Steps, me.Index, PointKind.Waits, 0, 0, 0, ""));
        me.WaitsSince = Changes;
        if (Next(me) is { } next)
        {
            SwitchTo(me, next);
            return;
        }

        // All wait, and some may give up after a while.
        _fruitless = _fruitlessSince == Changes ? _fruitless + 1 : 0;
        _fruitlessSince = Changes;
        if (_fruitless > MostFruitless)
        {
            Fail($"thread {me.Index} waits, and so does everybody else");
            throw new ThreadDiesException();
        }

        if (Waiting(me) is { } other)
        {
            SwitchTo(me, other);
        }
    }

    /// <summary>False where a store must not be made: its thread is dead, or it lies outside (which fails the
    /// schedule).</summary>
    public bool MayStore(Worker me, void* at, long length)
    {
        if (me.Dying)
        {
            return false;
        }

        if (at < Memory.Base || (byte*)at + length > Memory.Base + Memory.Length)
        {
            Fail($"thread {me.Index} stores {length} bytes at {(byte*)at - Memory.Base}, outside of the heap");
            throw new ThreadDiesException();
        }

        return true;
    }

    public void Stored(Worker me, bool publishes)
    {
        Changes++;
        if (AfterStore is { } look)
        {
            Worker.Current = null;
            try
            {
                look(me, publishes);
            }
            finally
            {
                Worker.Current = me;
            }

            if (me.Dying)
            {
                throw new ThreadDiesException();
            }
        }
    }

    /// <summary>Notes what went wrong, and ends all threads.</summary>
    public void Fail(string what)
    {
        Failure ??= what;
        Kill(_ => true);
    }

    /// <summary>Ends threads, where they are.</summary>
    public void Kill(Func<Worker, bool> which)
    {
        foreach (Worker worker in _workers)
        {
            worker.Dying |= which(worker);
        }
    }

    private Worker? Planned(int step) => _next < _plan.Length
        && _plan[_next].Step == step ? _workers[_plan[_next++].Target] : null;

    private Worker? ByPriority(Worker me, int step)
    {
        int change = Array.IndexOf(_changeAt, step);
        if (change >= 0)
        {
            me.Priority = change;
        }

        Worker best = me;
        for (int i = 0; i < _count; i++)
        {
            best = CanRun(_workers[i]) && _workers[i].Priority > best.Priority ? _workers[i] : best;
        }

        return best;
    }

    private byte Others(Worker me)
    {
        int others = 0;
        for (int i = 0; i < _count; i++)
        {
            others |= _workers[i] != me && CanRun(_workers[i]) ? 1 << i : 0;
        }

        return (byte)others;
    }

    private Worker? Next(Worker me)
    {
        Worker? best = null;
        for (int i = 1; i <= _count; i++)
        {
            Worker other = _workers[(me.Index + i) % _count];
            if (other != me && CanRun(other) && (best is null || (_chance is not null
                && other.Priority > best.Priority)))
            {
                best = other;
            }
        }

        return best;
    }

    // Threads that wait are told to look again, one after the other.
    private Worker? Waiting(Worker me)
    {
        for (int i = 1; i <= _count; i++)
        {
            if (_workers[(me.Index + i) % _count] is { Done: false } other && other != me)
            {
                return other;
            }
        }

        return null;
    }

    private bool CanRun(Worker worker) => !worker.Done && (worker.Dying || worker.WaitsSince != Changes);

    private static void SwitchTo(Worker me, Worker other)
    {
        other.Go();
        me.WaitForTurn();
        if (me.Dying)
        {
            throw new ThreadDiesException();
        }
    }

    public void Dispose()
    {
        foreach (Worker worker in _workers)
        {
            worker.Dispose();
        }

        _end.Dispose();
    }
}
