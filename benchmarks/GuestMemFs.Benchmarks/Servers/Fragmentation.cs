using System.Globalization;
using KvStore.Demo;

namespace GuestMemFs.Benchmarks.Servers;

/// <summary>
/// How much of a store's free memory is of use: values of one size fill it, a share is removed at random, values of
/// another size are written until the first refusal; and writes whose sizes drift while the live payload stays at a
/// share of the size. KvStore and redis-server with the same limit, in one run.
/// </summary>
internal static class Fragmentation
{
    private const long Limit = 64L << 20;
    private const int Batch = 200;

    private static readonly (int Before, int After, double Share)[] s_cases =
        [(5_000, 300, 0.5), (5_000, 300, 0.9), (5_000, 300, 0.95), (300, 5_000, 0.5), (300, 5_000, 0.9),
            (300, 5_000, 0.95)];

    private static readonly double[] s_live = [0.40, 0.60, 0.75];

    public static void Run(ComparisonOptions options, TextWriter output)
    {
        ServerProgram[] programs =
        [
            ServerProgram.KvStore(Path.Combine(options.Folder, "kvstore", "KvStore"), "--size", $"{Limit >> 20}M"),
            ServerProgram.Redis(ServerProgram.Find("redis-server") ?? throw new FormatException(
                "redis-server is not on PATH."), "--maxmemory", $"{Limit}", "--maxmemory-policy", "noeviction"),
        ];
        output.WriteLine($"| of {Limit >> 20} MiB | {string.Join(" | ", programs.Select(program => program.Name))} | " +
            "ratio |\n| --- | ---: | ---: | ---: |");
        foreach ((int before, int after, double share) in s_cases)
        {
            double[] fit = [.. programs.Select(program =>
                OnServer(options, program, client => Refill(client, before, after, share)))];
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {before} bytes, {share:P0} removed, " +
                $"then {after} bytes: MB that fit | {fit[0] / 1e6:F1} | {fit[1] / 1e6:F1} | {fit[0] / fit[1]:F2} |"));
        }

        foreach (double live in s_live)
        {
            (long Refused, long Written)[] counts = [
                .. programs.Select(program => OnServer(options, program, client => Drift(client, live)))];
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| drifting sizes, {live:P0} alive: refused " +
                $"of {counts[0].Written:N0} writes | {counts[0].Refused:N0} | {counts[1].Refused:N0} | |"));
        }
    }

    private static T OnServer<T>(ComparisonOptions options, ServerProgram program, Func<RespClient, T> run)
    {
        using var place = new Workplace(options.Arena);
        ServerProcess server = place.Start(program);
        server.WaitUntilReady();
        using RespClient client = RespClient.Connect(server.TcpEndPoint, TimeSpan.FromMinutes(10));
        return run(client);
    }

    private static double Refill(RespClient client, int before, int after, double share)
    {
        int filled = Fill(client, "k", before);
        int[] keys = [.. Enumerable.Range(0, filled)];
        new Random(1).Shuffle(keys);
        foreach (int[] batch in keys.Take((int)(filled * share)).Chunk(Batch))
        {
            Array.ForEach(batch, key => client.Add("DEL", $"k{key}"));
            client.Flush();
            Array.ForEach(batch, _ => client.Read());
        }

        return (double)Fill(client, "s", after) * after;
    }

    /// <summary>How many fit before the first refusal.</summary>
    private static int Fill(RespClient client, string prefix, int size)
    {
        byte[] value = new byte[size];
        for (int i = 0; ; i++)
        {
            if (client.Call("SET", $"{prefix}{i}", value).IsError)
            {
                return i;
            }
        }
    }

    /// <summary>
    /// The median goes from 100 bytes to 10,000 and back, three times; each size is within a factor of three of it.
    /// </summary>
    private static (long Refused, long Written) Drift(RespClient client, double live)
    {
        const long Total = 6 * Limit;
        var random = new Random(5);
        var keys = new List<(int Key, int Size)>();
        byte[] value = new byte[40_000];
        long payload = 0, refused = 0;
        int written = 0;
        for (long bytes = 0; bytes < Total; written++)
        {
            double median = Math.Exp(Math.Log(1_000) + (Math.Log(10) * Math.Sin(6 * Math.PI * bytes / Total)));
            int size = (int)(median * Math.Exp((random.NextDouble() * 2.2) - 1.1));
            for (; payload + size > live * Limit; client.Call("DEL",
                $"d{keys[^1].Key}"), payload -= keys[^1].Size, keys.RemoveAt(keys.Count - 1))
            {
                int at = random.Next(keys.Count);
                (keys[at], keys[^1]) = (keys[^1], keys[at]);
            }

            bytes += size;
            if (client.Call("SET", $"d{written}", value[..size]).IsError)
            {
                refused++;
                continue;
            }

            keys.Add((written, size));
            payload += size;
        }

        return (refused, written);
    }
}
