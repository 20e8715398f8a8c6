using System.Diagnostics;
using System.Globalization;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Torture;

/// <summary>Load, kill at a random instant, restart, judge; as often as wanted, always on the same arena.</summary>
internal sealed class Torture(RunningServer server, int seed, int connections, bool tight = false)
{
    private readonly Random _random = new(seed);
    private readonly Worker[] _workers = [.. Enumerable.Range(0, connections).Select(i => new Worker(i, HashCode(seed, i), tight))];

    public long Acknowledgements => _workers.Sum(w => w.Acknowledgements);

    /// <summary>Commands that found no room.</summary>
    public long Refusals => _workers.Sum(w => w.Refusals);

    /// <summary>Kills after which some operations were in flight.</summary>
    public int KillsWithOperationsInFlight { get; private set; }

    /// <summary>Steps that had come true without being acknowledged.</summary>
    public long Unacknowledged { get; private set; }

    /// <summary>The times from a restart to the first answer.</summary>
    public List<TimeSpan> Restarts { get; } = [];

    /// <summary>One cycle: load and a SIGKILL (rarely a SIGTERM) within 50 or 250 ms, perhaps another while it starts, then the judgement.</summary>
    public void Cycle()
    {
        if (_random.Next(20) == 0)
        {
            // Where there is no room for an empty table, the keys go one by one: then half of them may be left.
            Flush(kill: !tight && _random.Next(2) == 0);
        }

        long begin = Instant.Now;
        Load(TimeSpan.FromMilliseconds(_random.NextDouble() * (_random.Next(2) == 0 ? 50 : 250)), clean: _random.Next(20) == 0);
        while (_random.Next(5) == 0)
        {
            ServerProcess starting = server.Launch();
            Thread.Sleep(_random.Next(0, 200));
            starting.Kill();
        }

        server.Restart();
        Restarts.Add(server.StartTime);
        KillsWithOperationsInFlight += _workers.Any(w => w.InFlight.Count > 0) ? 1 : 0;
        Verify(new Instant(begin, Instant.Now));
    }

    /// <summary>Compares all that the server holds with all that is acceptable, and takes it as the truth from then on.</summary>
    private void Verify(Instant during)
    {
        using RespClient client = server.Connect();
        var keys = new HashSet<string>();
        foreach (Worker worker in _workers)
        {
            Dictionary<string, Entry> found = Snapshot.Take(client, LoadGenerator.Keys(worker.Connection));
            try
            {
                worker.JudgeReplies();
                Unacknowledged += Checker.Judge(
                    worker.Acknowledged.Entries, worker.InFlight, found, during with { Earliest = Math.Max(during.Earliest, worker.InFlightSince) });
            }
            catch (TortureException e)
            {
                IEnumerable<string> history = e.Keys.SelectMany(key => worker.History(key).Prepend($"Last acknowledged of {key}:"));
                throw new TortureException($"Connection {worker.Connection}: {e.Message}\n{string.Join("\n  ", history)}");
            }

            worker.Adopt(found);
            keys.UnionWith(found.Keys);
        }

        Snapshot.RequireExactly(client, keys);
    }

    private void Load(TimeSpan duration, bool clean)
    {
        using var stop = new CancellationTokenSource();
        var failures = new List<Exception>();
        Thread[] threads = [.. _workers.Select((worker, i) => new Thread(() =>
        {
            try
            {
                worker.Run(i % 2 == 0 ? server.Process.TcpEndPoint : server.Process.UnixEndPoint!, stop.Token);
            }
            catch (Exception e)
            {
                lock (failures)
                {
                    failures.Add(e);
                }
            }
        }))];
        foreach (Worker worker in _workers)
        {
            worker.Plan();
        }

        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        Wait(duration);
        if (clean)
        {
            server.Process.Terminate();
        }
        else
        {
            server.Process.Kill();
        }

        stop.Cancel();
        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        if (failures.Count > 0)
        {
            throw new TortureException(string.Join("\n", failures.Select(f => f is TortureException ? f.Message : f.ToString())));
        }
    }

    // All is gone or nothing is. Which of the two, the judgement of the next cycle needs to know.
    private void Flush(bool kill)
    {
        using RespClient client = server.Connect();
        client.Add(_random.Next(2) == 0 ? "FLUSHALL" : "FLUSHDB");
        client.Flush();
        bool gone = true;
        if (kill)
        {
            Wait(TimeSpan.FromMicroseconds(_random.NextDouble() * 300));
            server.Process.Kill();
            server.Restart();
            using RespClient after = server.Connect();
            gone = after.Call("DBSIZE").Integer == 0;
        }
        else
        {
            client.ReadOk();
        }

        if (gone)
        {
            foreach (Worker worker in _workers)
            {
                worker.Adopt(new Dictionary<string, Entry>());
            }
        }

        Verify(Instant.Exactly(Instant.Now));
    }

    // Finer than a sleep, so that the instant is really a random one.
    private static void Wait(TimeSpan duration)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < duration)
        {
            Thread.Sleep(0);
        }
    }

    private static int HashCode(int seed, int index) => unchecked((seed * 31) + index);

    /// <summary>An integer of the environment, or what is the default.</summary>
    public static int Setting(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
