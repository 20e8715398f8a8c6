using KvStore.Engine;

namespace KvStore.Server;

/// <summary>Has a thread's work done on the loop's thread, under the engine's gate, and waits for it.</summary>
internal sealed class LoopTurn(KvEngine engine, Action<Action> post, CancellationToken ends)
{
    private const int Waits = 0;
    private const int Runs = 1;
    private const int GivenUp = 2;

    /// <summary>Does it.</summary>
    /// <exception cref="OperationCanceledException">It was not begun: the thread is to end.</exception>
    public void Run(Action action)
    {
        int state = Waits;
        using ManualResetEventSlim done = new();
        Exception? failure = null;
        post(() =>
        {
            if (Interlocked.CompareExchange(ref state, Runs, Waits) != Waits)
            {
                return;
            }

            try
            {
                RunUnderGate(action);
            }
            catch (Exception e)
            {
                failure = e; // the thread's, and not the loop's
            }

            done.Set();
        });
        // A loop that was stopped runs nothing any more.
        while (!done.WaitHandle.WaitOne(100))
        {
            if (ends.IsCancellationRequested && Interlocked.CompareExchange(ref state, GivenUp, Waits) == Waits)
            {
                throw new OperationCanceledException(ends);
            }
        }

        if (failure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }
    }

    private void RunUnderGate(Action action)
    {
        lock (engine.Gate)
        {
            // Under the gate: what another master's replica it is since is not this one's to change.
            if (engine.Closed || ends.IsCancellationRequested)
            {
                throw new OperationCanceledException(ends);
            }

            action();
        }
    }
}
