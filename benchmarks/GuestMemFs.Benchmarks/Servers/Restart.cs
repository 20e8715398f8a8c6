using System.Globalization;
using GuestMemFs.Support.Reports;
using KvStore.Demo;

namespace GuestMemFs.Benchmarks.Servers;

/// <summary>
/// From the start of the process to the first right answer, with many keys and with none; and what a key costs in
/// memory.
/// </summary>
internal static class Restart
{
    private const int ValueLength = 100;

    public static void Run(ComparisonOptions options, IReadOnlyList<Candidate> candidates, TextWriter output)
    {
        var data = new Dataset(options.Keys, ValueLength, 1);
        var table = new Table(
            $"{options.Keys:N0} keys, {ValueLength}-byte values", "load", "empty start, ms", "restart, ms",
            "restart / empty", "memory a key, bytes");
        var medians = new Dictionary<CandidateKind, (double Restart, double Memory)>();
        foreach (Candidate candidate in candidates.Where(c => c.Kind != CandidateKind.Garnet))
        {
            Figures f = Measure(options, candidate, data);
            medians.Add(candidate.Kind, (Table.Median(f.Restarts), f.MemoryAKey));
            table.Add(
                candidate.Name,
                $"{f.Load.TotalSeconds:0.0} s",
                Table.Spread(f.EmptyStarts, "0.0"),
                Table.Spread(f.Restarts, "0.0"),
                Table.Ratio(Table.Median(f.Restarts), Table.Median(f.EmptyStarts)),
                $"{f.MemoryAKey:0.0}");
            Console.Error.WriteLine($"{candidate.Name} done");
        }

        table.Write(output);
        if (medians.TryGetValue(CandidateKind.KvStore, out var ours)
            && medians.TryGetValue(CandidateKind.Redis, out var redis))
        {
            output.WriteLine($"KvStore is back {redis.Restart / ours.Restart:N0} times as fast; memory a " +
                $"key {Table.Ratio(ours.Memory, redis.Memory)} times redis-server's.\n");
        }
    }

    private sealed record Figures(TimeSpan Load, double[] EmptyStarts, double[] Restarts, double MemoryAKey);

    private static Figures Measure(ComparisonOptions options, Candidate candidate, Dataset data)
    {
        bool redis = candidate.Kind == CandidateKind.Redis;
        using var place = new Workplace(options.Arena);
        var emptyStarts = new List<double>();
        string nothing = place.Directory();
        long memoryBefore = 0;
        for (int i = 0; i < options.Rounds; i++)
        {
            ServerProcess empty = place.Start(candidate.Program, nothing);
            emptyStarts.Add(empty.WaitUntilReady().TotalMilliseconds);
            memoryBefore = Memory(empty, nothing, redis);
            empty.Kill();
        }

        string directory = place.Directory();
        ServerProcess server = place.Start(candidate.Program, directory);
        server.WaitUntilReady();
        var clock = System.Diagnostics.Stopwatch.StartNew();
        using (var client = RespClient.Connect(server.TcpEndPoint, TimeSpan.FromMinutes(30)))
        {
            Loader.Load(client, data, _ => { }, CancellationToken.None);
            clock.Stop();
            if (redis && client.Call("SAVE") is { IsError: true } error)
            {
                throw new InvalidOperationException($"redis-server could not save: {error.Text}");
            }
        }

        double memory = (Memory(server, directory, redis) - memoryBefore) / (double)data.Keys;
        server.Kill();
        var restarts = new List<double>();
        var expected = new byte[data.ValueLength];

        // A reload of redis-server takes long and hardly varies: three are enough.
        for (int i = 0; i < (redis ? Math.Min(3, options.Rounds) : options.Rounds); i++)
        {
            server = place.Start(candidate.Program, directory);
            restarts.Add(WarmRestart.FirstRightAnswer(server, data, (index, value) =>
            {
                data.Value(index, 0, expected);
                return value.SequenceEqual(expected);
            }).TotalMilliseconds);
            server.Kill();
        }

        return new Figures(clock.Elapsed, [.. emptyStarts], [.. restarts], memory);
    }

    // Of redis-server its own count (its RSS is more), of KvStore what the files of its arena really take of the
    // medium.
    private static long Memory(ServerProcess server, string directory, bool redis)
    {
        if (!redis)
        {
            return Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Sum(AllocatedBytes);
        }

        return ServerFacts.Ask(server, "memory").Number("used_memory");
    }

    private static long AllocatedBytes(string path)
    {
        var start = new System.Diagnostics.ProcessStartInfo("stat",
            ["-c", "%b", path]) { RedirectStandardOutput = true };
        using var stat = System.Diagnostics.Process.Start(start)!;
        return long.Parse(stat.StandardOutput.ReadToEnd(), CultureInfo.InvariantCulture) * 512;
    }
}
