using GuestMemFs.Support.Reports;
using KvStore.Demo;

namespace GuestMemFs.Benchmarks.Servers;

/// <summary>
/// SET and GET by redis-benchmark, 50 connections, 100-byte values, without pipelining and at depth 16: the servers
/// take turns.
/// </summary>
internal static class Throughput
{
    private static readonly (string Test, int Depth)[] s_loads = [("set", 1), ("get", 1), ("set", 16), ("get", 16)];

    public static void Run(ComparisonOptions options, IReadOnlyList<Candidate> candidates, TextWriter output)
    {
        string fetched = Path.Combine(options.Folder, "redis-8.0", "redis-benchmark");
        string benchmark = File.Exists(fetched) ? fetched
            : ServerProgram.Find("redis-benchmark")
                ?? throw new InvalidOperationException(
                    "redis-benchmark is neither fetched nor on PATH (Debian: redis-tools).");
        using var place = new Workplace(options.Arena);
        var running = candidates.Select(c => (Candidate: c, Server: place.Start(c.Program))).ToList();
        foreach ((Candidate candidate, ServerProcess server) in running)
        {
            server.WaitUntilReady();

            // Fills the key space, and lets the runtime compile what is hot.
            RedisBenchmark.Run(benchmark, server, "set", 16, Math.Max(options.Requests, 2 * RedisBenchmark.KeySpace));
            RedisBenchmark.Run(benchmark, server, "get", 16, options.Requests);
            RedisBenchmark.Run(benchmark, server, "get", 1, options.Requests / 4);
        }

        ReportIdle(running.Select(r => r.Server), output);
        var results = new Dictionary<(string Test, int Depth, string Name), List<RedisBenchmark>>();
        for (int round = 0; round < options.Rounds; round++)
        {
            foreach ((string test, int depth) in s_loads)
            {
                foreach ((Candidate candidate, ServerProcess server) in running)
                {
                    if (!results.TryGetValue((test, depth, candidate.Name), out List<RedisBenchmark>? list))
                    {
                        results.Add((test, depth, candidate.Name), list = []);
                    }

                    list.Add(RedisBenchmark.Run(benchmark, server, test, depth,
                        depth == 1 ? options.Requests / 4 : options.Requests));
                }
            }

            Console.Error.WriteLine($"round {round + 1} of {options.Rounds} done");
        }

        Write(results, candidates, output);
    }

    private static void Write(Dictionary<(string Test, int Depth, string Name), List<RedisBenchmark>> results,
        IReadOnlyList<Candidate> candidates, TextWriter output)
    {
        string[] others = [.. candidates.Where(c => c.Kind != CandidateKind.KvStore).Select(c => c.Name)];
        string? ours = candidates.FirstOrDefault(c => c.Kind == CandidateKind.KvStore)?.Name;
        string[] ratios = ours is null ? [] : [.. others.Select(o => $"{ours} / {o}")];
        var perSecond = new Table(["requests a second", .. candidates.Select(c => c.Name), .. ratios]);
        var cpu = new Table(["server CPU a request, µs", .. candidates.Select(c => c.Name), .. ratios]);
        foreach ((string test, int depth) in s_loads)
        {
            Add(perSecond, r => r.PerSecond, "N0");
            Add(cpu, r => r.CpuMicroseconds, "0.00");

            void Add(Table table, Func<RedisBenchmark, double> figure, string format)
            {
                double[] Of(string name) => [.. results[(test, depth, name)].Select(figure)];
                table.Add(
                [
                    $"{test.ToUpperInvariant()}, depth {depth}",
                    .. candidates.Select(c => Table.Spread(Of(c.Name), format)),
                    .. ours is null ? [] : others.Select(o => Table.Ratio(Table.Median(Of(ours)), Table.Median(Of(o)))),
                ]);
            }
        }

        perSecond.Write(output);
        cpu.Write(output);
    }

    // All servers run all the time; one that is busy with nothing would disturb the others, so it is told.
    private static void ReportIdle(IEnumerable<ServerProcess> servers, TextWriter output)
    {
        var before = servers.Select(s => (Server: s, Time: s.ProcessorTime)).ToList();
        Thread.Sleep(TimeSpan.FromSeconds(2));
        var used = before.Select(b =>
            $"{b.Server.Program.Name} {(b.Server.ProcessorTime - b.Time).TotalSeconds / 2:P1}");
        output.WriteLine($"CPU while idle: {string.Join(", ", used)}\n");
    }
}
