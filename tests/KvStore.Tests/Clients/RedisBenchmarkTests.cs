using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Clients;

/// <summary>
/// redis-benchmark runs through, with and without pipelining, and what it wrote is there. Its figures are not judged
/// here.
/// </summary>
public sealed class RedisBenchmarkTests
{
    [Theory]
    [Trait("speed", "slow")]
    [InlineData(1, 20_000)]
    [InlineData(16, 100_000)]
    public void Redis_benchmark_ends_without_errors(int depth, int requests)
    {
        string benchmark = Tool.Require("redis-benchmark");
        using RunningServer server = TestServer.Start();
        (int code, string output, string error) = Tool.Run(
            benchmark,
            ["-p", $"{server.Port}", "-t", "ping,set,get,incr,mset", "-P", $"{depth}", "-n", $"{requests}", "-c", "50",
                "-r", "1000", "-d", "100", "--csv"],
            seconds: 180);
        Assert.True(code == 0 && !error.Contains("rror", StringComparison.Ordinal)
            && !output.Contains("rror", StringComparison.Ordinal), $"It ended with {code}:\n{output}\n{error}");
        string[] tests = [.. output.Split('\n').Where(l => l.StartsWith('"')).Skip(1).Select(l => l.Split('"')[1])];
        Assert.Equal(["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"], tests);

        using RespClient client = server.Connect();
        Assert.InRange(SumOfCounters(client), requests, requests * 1.01);
        Assert.Equal(100, client.Call("STRLEN", "key:000000000001").Integer);
    }

    // INCR ran on a thousand counters: together they have counted every request, except that the benchmark sends some
    // more than it counts.
    private static long SumOfCounters(RespClient client) =>
        Enumerable.Range(0, 1000).Sum(i => client.Call("GET", $"counter:{i:D12}") is { IsNull: false } reply
            ? long.Parse(reply.Text, System.Globalization.CultureInfo.InvariantCulture) : 0);
}
