namespace GuestMemFs.ScheduleLab.Running;

/// <summary>A thread of the lab: it runs when the scheduler says so, and waits else.</summary>
internal sealed class Worker : IDisposable
{
    [ThreadStatic]
    private static Worker? t_current;

    private readonly Thread _thread;
    private readonly Futex _turn = new();
    private bool _ended;

    public Worker(int index, int processor)
    {
        Index = index;
        _thread = new Thread(() => Loop(processor), 1 << 20) { IsBackground = true, Name = $"schedule {index}" };
        _thread.Start();
    }

    /// <summary>The one that this thread is, while it does its operations; else null.</summary>
    public static Worker? Current
    {
        get => t_current;
        set => t_current = value;
    }

    public int Index { get; }

    public Schedule Schedule { get; set; } = null!;

    public Action<Worker>? Body { get; set; }

    /// <summary>Words that this thread has stored since it last published one, and what they held before: in a weak
    /// order any of them may not be there yet.</summary>
    public List<(int Offset, ulong Old)> Floating { get; } = [];

    public bool Done { get; set; }

    /// <summary>Its process is dead: no store counts any more.</summary>
    public bool Dying { get; set; }

    /// <summary>Where it waits: how much had changed when it last looked; -1 where it does not wait.</summary>
    public long WaitsSince { get; set; } = -1;

    public int Priority { get; set; }

    public ulong Kept { get; set; }

    private int _laneHint;

    public ref int LaneHint => ref _laneHint;

    /// <summary>What the library takes for the thread's object: another one in each schedule.</summary>
    public Seam.Thread Identity { get; private set; } = new(null);

    public void Reset()
    {
        Floating.Clear();
        Done = Dying = false;
        WaitsSince = -1;
        Kept = 0;
        _laneHint = 0;
        Identity = new Seam.Thread(this);
    }

    /// <summary>Lets it go on.</summary>
    public void Go() => _turn.Set();

    /// <summary>Waits for its turn.</summary>
    public void WaitForTurn() => _turn.Wait();

    private void Loop(int processor)
    {
        Futex.StayOn(processor);
        while (true)
        {
            WaitForTurn();
            if (_ended)
            {
                return;
            }

            t_current = this;
            Schedule.RunBody(this);
            t_current = null;
            Schedule.Finished(this);
        }
    }

    public void Dispose()
    {
        _ended = true;
        Go();
        _thread.Join();
        _turn.Dispose();
    }
}
