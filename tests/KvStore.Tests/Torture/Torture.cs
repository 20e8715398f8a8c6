using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Torture;

/// <summary>
/// Load, kill at a random instant, kill while it starts, restart, judge; as often as wanted, always on the same arena.
/// </summary>
internal sealed class Torture
{
    private const int Killed = 128 + 9;
    private readonly RunningServer _server;
    private readonly Trouble _trouble;
    private readonly Random _random;
    private readonly Worker[] _workers;
    private TortureCounts _counts = new();

    public Torture(RunningServer server, Trouble trouble, int seed, int connections)
    {
        _server = server;
        _trouble = trouble;
        _random = new Random(seed);
        _workers = [.. Enumerable.Range(0, connections).Select(i =>
            new Worker(i, unchecked((seed * 31) + i), trouble.Clock, trouble.IsTight))];
    }

    public TortureCounts Counts => _counts with { Acknowledged = _workers.Sum(w => w.Acknowledgements),
        Refused = _workers.Sum(w => w.Refusals) };

    /// <summary>The times from a restart to the first answer.</summary>
    public List<TimeSpan> Restarts { get; } = [];

    /// <summary>
    /// One cycle: load and a SIGKILL (rarely a SIGTERM) within 50 or 250 ms, often more of them while it starts, then
    /// the judgement.
    /// </summary>
    public void Cycle()
    {
        if (_random.Next(20) == 0)
        {
            // Where there is no room for an empty table, the keys go one by one: then half of them may be left.
            Flush(kill: !_trouble.IsTight && _random.Next(2) == 0);
        }

        long begin = Instant.Now;
        Load(TimeSpan.FromMilliseconds(_random.NextDouble() * (_random.Next(2) == 0 ? 50 : 250)),
            clean: _random.Next(20) == 0);
        while (_random.Next(5) < 2)
        {
            _trouble.BeforeStart(_random);
            KillAtStart();
        }

        _trouble.BeforeStart(_random);
        _server.Restart();
        Restarts.Add(_server.StartTime);
        Verify(begin, Instant.Now);
    }

    /// <summary>
    /// Compares all that the server holds with all that is acceptable, and takes it as the truth from then on.
    /// </summary>
    private void Verify(long begin, long end)
    {
        using RespClient client = _server.Connect();
        var keys = new HashSet<string>();
        foreach (Worker worker in _workers)
        {
            Dictionary<string, Entry> found = Snapshot.Take(client, LoadGenerator.Keys(worker.Connection));
            try
            {
                worker.JudgeReplies();
                Instant during = _trouble.Clock.Between(Math.Clamp(worker.InFlightSince, begin, end), end);
                int steps = Checker.Judge(worker.Acknowledged, worker.InFlight, found, during,
                    _trouble.IsTight);
                _counts = _counts with { Unacknowledged = _counts.Unacknowledged + steps };
            }
            catch (TortureException e)
            {
                IEnumerable<string> history = e.Keys.SelectMany(key =>
                    worker.History(key).Prepend($"Last acknowledged of {key}:"));
                throw new TortureException(
                    $"Connection {worker.Connection}: {e.Message}\n{string.Join("\n  ", history)}");
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
                worker.Run(i % 2 == 0 ? _server.Process.TcpEndPoint : _server.Process.UnixEndPoint!, stop.Token);
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

        _trouble.Pass(duration, _server.Process, _random);
        try
        {
            End(clean);
        }
        finally
        {
            stop.Cancel();
            foreach (Thread thread in threads)
            {
                thread.Join();
            }
        }

        _counts = _counts with { KillsInFlight = _counts.KillsInFlight
            + (!clean && _workers.Any(w => w.InFlight.Count > 0) ? 1 : 0) };
        if (failures.Count > 0)
        {
            throw new TortureException(string.Join("\n",
                failures.Select(f => f is TortureException ? f.Message : f.ToString())));
        }
    }

    // It must be our signal that ends it: a server that broke by itself would look like a killed one.
    private void End(bool clean)
    {
        bool early = _server.Process.HasExited;
        if (early)
        {
            Require(_trouble.KernelMayKill && _server.Process.ExitCode == Killed, "under load, by itself,");
            _counts = _counts with { KillsByKernel = _counts.KillsByKernel + 1 };
        }
        else if (clean)
        {
            _server.Process.Resume(); // Where it stands still, it would not hear it.
            Require(_server.Process.Terminate() == 0, "after SIGTERM");
        }
        else
        {
            _server.Process.Kill();
            Require(_server.Process.ExitCode == Killed, "under load, by itself,");
            _counts = _counts with { KillsUnderLoad = _counts.KillsUnderLoad + 1 };
        }
    }

    private void KillAtStart()
    {
        ServerProcess starting = _server.Launch();
        if (_random.Next(3) > 0)
        {
            // The attach takes a few milliseconds of a start that takes a hundred: look for it.
            SpinWait.SpinUntil(() => HasMapped(starting) || starting.HasExited, Patience.Limit);
            Trouble.Wait(TimeSpan.FromMilliseconds(_random.NextDouble() * 5));
        }
        else
        {
            Trouble.Wait(_server.StartTime * (_random.NextDouble() * 1.2));
        }

        bool mapped = HasMapped(starting);
        starting.Kill();
        Require(starting.ExitCode == Killed, "at its start");
        _counts = _counts with
        {
            KillsAtStart = _counts.KillsAtStart + 1,
            KillsInRecovery = _counts.KillsInRecovery
                + (mapped && !starting.Output.Contains("ready on", StringComparison.Ordinal) ? 1 : 0),
        };
    }

    private bool HasMapped(ServerProcess process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process.Id}/maps").Contains(_server.DataDirectory,
                StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false; // It has ended.
        }
    }

    private void Require(bool good, string when)
    {
        if (!good)
        {
            throw new TortureException($"The server ended {when} with code {_server.Process.ExitCode}.");
        }
    }

    // All is gone or nothing is. Which of the two, the judgement of the next cycle needs to know.
    private void Flush(bool kill)
    {
        using RespClient client = _server.Connect();
        bool all = _random.Next(2) == 0;
        client.Add(all ? "FLUSHALL" : "FLUSHDB");
        client.Flush();
        IEnumerable<int> gone = all ? [0, 1] : [0];
        if (kill)
        {
            Trouble.Wait(TimeSpan.FromMicroseconds(_random.NextDouble() * 300));
            _server.Process.Kill();
            Require(_server.Process.ExitCode == Killed, "while all was removed");
            _counts = _counts with { KillsUnderLoad = _counts.KillsUnderLoad + 1 };
            _server.Restart();
            using RespClient after = _server.Connect();
            gone = [.. gone.Where(database => IsEmpty(after, database))];
        }
        else
        {
            client.ReadOk();
        }

        foreach (Worker worker in _workers)
        {
            foreach (int database in gone)
            {
                worker.Lose(database);
            }
        }

        long now = Instant.Now;
        Verify(now, now);
    }

    private static bool IsEmpty(RespClient client, int database)
    {
        client.Call("SELECT", database);
        return client.Call("DBSIZE").Integer == 0;
    }
}
