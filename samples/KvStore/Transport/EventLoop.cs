using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using KvStore.Memory;

namespace KvStore.Transport;

/// <summary>Who has a descriptor in an <see cref="EventLoop"/>. Called on the loop's thread.</summary>
internal interface IEventHandler
{
    /// <summary>
    /// The descriptor is ready for what it is watched for, or broken. What is left undone is told again in the next
    /// round.
    /// </summary>
    void Ready();

    /// <summary>
    /// All that was ready in this round has been handled: asked for with <see cref="EventLoop.CallAtEndOfRound"/>.
    /// </summary>
    void EndOfRound();
}

/// <summary>
/// One thread that serves many sockets in rounds, as Redis does: wait for what is ready, receive and run all of it,
/// then send all replies.
/// </summary>
/// <remarks>
/// Sending at the end of a round wakes a client once for many replies; small rounds let it work on them while the next
/// is run. Everything here belongs to the loop's thread, except <see cref="Post"/>, and what happens before
/// <see cref="Start"/>.
/// </remarks>
internal sealed class EventLoop : IDisposable
{
    /// <summary>
    /// Most descriptors handled in a round. Many at once, and client and server take turns where they could overlap.
    /// </summary>
    private const int RoundSize = 32;

    /// <summary>
    /// So often it looks whether there is more before it sleeps: a sleep costs both sides more than these do.
    /// </summary>
    private const int Looks = 16;

    private const int BlocksKept = 96;

    private readonly Epoll _epoll = new(RoundSize);
    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly Thread _thread;
    private readonly Func<int> _chore;
    private IEventHandler?[] _handlers = new IEventHandler?[64];
    private List<IEventHandler> _endOfRound = new(RoundSize);
    private List<IEventHandler> _ending = new(RoundSize);
    private bool _stopped;
    private bool _woken;
    private int _ended;
    private int _rounds;
    private long _due = Environment.TickCount64;

    /// <param name="name">The thread's name.</param>
    /// <param name="chore">Done between rounds; it returns after how many milliseconds it is due again.</param>
    public EventLoop(string name, Func<int> chore)
    {
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        _chore = chore;
    }

    /// <summary>The blocks that the loop's sockets write into.</summary>
    public BlockPool Blocks { get; } = new(BlocksKept);

    /// <summary>The pages that the loop's sockets receive large requests in.</summary>
    public PagePool Pages { get; } = new();

    /// <summary>What all of the loop's sockets have unsent.</summary>
    public MemoryBudget Output { get; } = new();

    /// <summary>What all of the loop's sockets have received that is not done, and what was kept of it.</summary>
    public MemoryBudget Input { get; } = new();

    public void Start() => _thread.Start();

    /// <summary>
    /// Ends the loop, once what was posted before is done, and waits for that. Its sockets stay as they are.
    /// </summary>
    /// <param name="last">Done at the end, on the loop's thread: no socket is looked at behind it.</param>
    public void Stop(Action? last = null)
    {
        if (_stopped)
        {
            return;
        }

        Post(() =>
        {
            last?.Invoke();
            _stopped = true;
        });
        if (_thread.IsAlive)
        {
            _thread.Join();
        }
        else
        {
            RunPosted(); // it was never started
        }
    }

    /// <summary>The same, and gives its memory back.</summary>
    public void Dispose()
    {
        Stop();
        _epoll.Dispose();
        Blocks.Dispose();
        Pages.Dispose();
    }

    /// <summary>Has something done on the loop's thread. From any thread.</summary>
    public void Post(Action action)
    {
        _posted.Enqueue(action);
        _epoll.Wake();
    }

    /// <summary>Watches a descriptor.</summary>
    public void Add(SafeHandle descriptor, IEventHandler handler, Readiness what)
    {
        int index = (int)descriptor.DangerousGetHandle();
        if (index >= _handlers.Length)
        {
            Array.Resize(ref _handlers, Math.Max(index + 1, _handlers.Length * 2));
        }

        _epoll.Watch(descriptor, what);
        _handlers[index] = handler;
    }

    public void Change(SafeHandle descriptor, Readiness what) => _epoll.Change(descriptor, what);

    public void Remove(SafeHandle descriptor)
    {
        _epoll.Forget(descriptor);
        _handlers[(int)descriptor.DangerousGetHandle()] = null;
    }

    /// <summary>
    /// The handler's <see cref="IEventHandler.EndOfRound"/> is called once, in this round or, where that is ending
    /// already, in the next.
    /// </summary>
    public void CallAtEndOfRound(IEventHandler handler) => _endOfRound.Add(handler);

    /// <summary>Has the chore done after so many milliseconds, where it is not due before. On the loop's
    /// thread.</summary>
    public void HaveDoneWithin(long milliseconds) => _due = Math.Min(_due, Environment.TickCount64 + milliseconds);

    /// <summary>A round within a round: what is ready now is served while one of its handlers is not done yet. What was
    /// posted waits, and the chore. On the loop's thread.</summary>
    public void ServeMeanwhile() => Serve(_epoll.Wait(0));

    private void Run()
    {
        while (!_stopped)
        {
            long rest = _due - Environment.TickCount64;
            if (rest <= 0)
            {
                rest = _chore();
                _due = Environment.TickCount64 + rest;
            }

            Serve(Wait((int)rest));
            if (_woken)
            {
                _woken = false;
                RunPosted();
            }
        }
    }

    /// <summary>A round, of so many descriptors that are ready.</summary>
    private void Serve(int count)
    {
        int round = ++_rounds;
        for (int i = 0; i < count && round == _rounds; i++) // a round within it has taken the rest with it
        {
            int descriptor = _epoll.Descriptor(i);

            // No handler: it was removed earlier in this round.
            IEventHandler? handler = _handlers.Length > descriptor ? _handlers[descriptor] : null;
            if (handler is not null)
            {
                handler.Ready();
            }
            else
            {
                _woken |= _epoll.TookWakeUp(descriptor);
            }
        }

        EndRound();
    }

    private int Wait(int milliseconds)
    {
        int count = _epoll.Wait(0);
        for (int looks = 1; count == 0 && looks < Looks; looks++)
        {
            count = _epoll.Wait(0);
        }

        return count > 0 || _endOfRound.Count > 0 ? count : _epoll.Wait(milliseconds);
    }

    private void RunPosted()
    {
        while (!_stopped && _posted.TryDequeue(out Action? action))
        {
            action();
        }
    }

    private void EndRound()
    {
        EndAll(); // in a round within another that is ending: the rest of that
        (_endOfRound, _ending) = (_ending, _endOfRound);
        EndAll();
    }

    private void EndAll()
    {
        while (_ended < _ending.Count)
        {
            _ending[_ended++].EndOfRound();
        }

        _ending.Clear();
        _ended = 0;
    }
}
