using System.Diagnostics;
using GuestMemFs;
using KvStore.Engine;

namespace KvStore.Server;

/// <summary>Ten times a second: removes what has expired, for a bounded time; once a second: idle clients and the rate of commands.</summary>
internal sealed class Housekeeping(KvEngine engine, KvServer server) : IAsyncDisposable
{
    private const int TicksPerSecond = 10;
    private const int BucketsAtATime = 64;

    /// <summary>A tick looks for as long as this, and goes on to the second limit only while it finds much.</summary>
    private static readonly TimeSpan Usual = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan AtMost = TimeSpan.FromMilliseconds(25);

    private readonly PeriodicTimer _timer = new(TimeSpan.FromSeconds(1.0 / TicksPerSecond));
    private Task _loop = Task.CompletedTask;
    private long _commands;

    public long CommandsPerSecond { get; private set; }

    public void Start() => _loop = RunAsync();

    public async ValueTask DisposeAsync()
    {
        _timer.Dispose();
        await _loop.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        for (long tick = 0; await _timer.WaitForNextTickAsync().ConfigureAwait(false); tick++)
        {
            try
            {
                RemoveExpired();
                CollectGarbage();
            }
            catch (ArenaException e)
            {
                // Expired keys stay unseen all the same; the next tick tries again.
                await Console.Error.WriteLineAsync($"housekeeping: {e.Message}").ConfigureAwait(false);
            }

            if (tick % TicksPerSecond == 0)
            {
                EverySecond();
            }
        }
    }

    private void RemoveExpired()
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            int removed;
            lock (engine.Gate)
            {
                if (engine.Closed || engine.Keys.ExpiringCount == 0)
                {
                    return;
                }

                removed = engine.Keys.RemoveExpired(BucketsAtATime);
                engine.Statistics.Expired += removed;
            }

            TimeSpan spent = Stopwatch.GetElapsedTime(start);
            if (spent > AtMost || (spent > Usual && removed < BucketsAtATime / 4))
            {
                return;
            }
        }
    }

    /// <summary>Gives back what FLUSHALL removed, a little at a time.</summary>
    private void CollectGarbage()
    {
        long start = Stopwatch.GetTimestamp();
        bool done = false;
        while (!done && Stopwatch.GetElapsedTime(start) < AtMost)
        {
            lock (engine.Gate)
            {
                done = engine.Closed || engine.Keys.CollectGarbage(BucketsAtATime);
            }
        }
    }

    private void EverySecond()
    {
        int timeout;
        lock (engine.Gate)
        {
            CommandsPerSecond = Math.Max(0, engine.Statistics.Commands - _commands);
            _commands = engine.Statistics.Commands;
            timeout = engine.Options.Timeout;
        }

        if (timeout > 0)
        {
            server.CloseIdle(timeout);
        }
    }
}
