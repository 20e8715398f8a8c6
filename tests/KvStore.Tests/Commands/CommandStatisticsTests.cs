using System.Text.RegularExpressions;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>INFO commandstats, errorstats and latencystats, beside redis-server: all but the times is the
/// same.</summary>
public sealed partial class CommandStatisticsTests(ServerPair pair) : IClassFixture<ServerPair>
{
    [Theory]
    [InlineData("calls", "SET a 1|GET a|GET b|STRLEN a|CLIENT ID|CONFIG GET hz")]
    [InlineData("failures", "SET a x|INCR a|LPUSH a 1|XADD|GET|NOSUCH a|CONFIG NOSUCH|EVALSHA 00 0")]
    [InlineData("a transaction", "MULTI|SET a x|INCR a|EXEC|EXEC|MULTI|GET|EXEC|MULTI|DISCARD")]
    [InlineData("scripts", "EVAL \"redis.call('set','a','x') return redis.pcall('incr','a')\" 0"
        + "|EVAL \"return redis.call('incr','a')\" 0|EVAL \"return redis.call('incr')\" 0"
        + "|EVAL \"error('x')\" 0|EVAL a")]
    [InlineData("a user", "ACL SETUSER u on >p ~k* +get +info +auth +config|AUTH u p|SET k 1|GET k|GET a|AUTH u x"
        + "|AUTH u p")]
    [InlineData("no room", "CONFIG SET maxmemory 1|SET a 1|GET a|CONFIG SET maxmemory 0|SET a 1")]
    public void Each_command_is_counted_as_in_redis(string what, string lines) =>
        pair.Compare(server =>
        {
            using var client = new TextClient(server.Process.TcpEndPoint);
            client.Call("CONFIG", "RESETSTAT");
            foreach (string line in lines.Split('|'))
            {
                client.Call(CommandLines.Split(line));
            }

            string counted = $"{what}: {Untimed(client.Call("INFO", "commandstats"))}"
                + Untimed(client.Call("INFO", "errorstats"))
                + Untimed(client.Call("INFO", "latencystats"));
            client.Call("AUTH", "default", "");
            client.Call("ACL", "DELUSER", "u");
            return counted + client.Info("stats", "total_error_replies");
        });

    [Fact]
    public void A_command_that_waited_is_counted_once()
    {
        pair.Compare(server =>
        {
            using var waiting = new TextClient(server.Process.TcpEndPoint);
            using var client = new TextClient(server.Process.TcpEndPoint);
            string id = waiting.Call("CLIENT", "ID")[1..].TrimEnd();
            client.Call("CONFIG", "RESETSTAT");
            waiting.Send("BLPOP list 0\r\n"u8);
            Assert.True(SpinWait.SpinUntil(() => client.Info("clients", "blocked_clients") == 1, Patience.Limit));
            client.Call("RPUSH", "list", "a");
            waiting.Receive();
            waiting.Send("BLPOP list 0\r\n"u8);
            Assert.True(SpinWait.SpinUntil(() => client.Info("clients", "blocked_clients") == 1, Patience.Limit));
            client.Call("CLIENT", "UNBLOCK", id, "ERROR");
            waiting.Receive();
            string[] counts = client.Call("INFO", "commandstats").Split("\r\n");
            return Untimed(string.Join('\n', counts.Where(line => line.Contains("pop", StringComparison.Ordinal))))
                + Untimed(client.Call("INFO", "errorstats"));
        });
    }

    [Fact]
    public void Commands_of_one_receive_are_counted_one_by_one()
    {
        using RunningServer server = TestServer.Start("64M");
        using var client = new TextClient(server.Process.TcpEndPoint);
        client.Call("CONFIG", "RESETSTAT");

        client.Send("SET a 1\r\nSET b 1\r\nGET a\r\nINCR a\r\nLPUSH a 1\r\nSET a\r\nPING\r\nGET b\r\n"u8);
        for (int i = 0; i < 8; i++)
        {
            client.Receive();
        }

        string counts = client.Call("INFO", "commandstats");
        Assert.Matches(@"cmdstat_set:calls=2,usec=\d+,usec_per_call=[\d.]+,rejected_calls=1,failed_calls=0\r", counts);
        Assert.Matches(@"cmdstat_get:calls=2,[^\r]*,failed_calls=0\r", counts);
        Assert.Matches(@"cmdstat_lpush:calls=1,[^\r]*,rejected_calls=0,failed_calls=1\r", counts);
        Assert.Matches(@"cmdstat_ping:calls=1,", counts);
    }

    [Fact]
    public void Percentiles_are_those_that_are_asked_for()
    {
        pair.Compare(server =>
        {
            using var client = new TextClient(server.Process.TcpEndPoint);
            client.Call("CONFIG", "RESETSTAT");
            string said = client.Call("CONFIG", "GET", "latency-tracking")
                + client.Call("CONFIG", "GET", "latency-tracking-info-percentiles");
            client.Call("CONFIG", "SET", "latency-tracking-info-percentiles", "0.0 50.0 100.0");
            said += client.Call("CONFIG", "GET", "latency-tracking-info-percentiles");
            client.Call("GET", "a");
            said += Untimed(client.Call("INFO", "latencystats"));
            said += client.Call("CONFIG", "SET", "latency-tracking-info-percentiles", "50 101")[..22];
            client.Call("CONFIG", "SET", "latency-tracking-info-percentiles", "50 99 99.9");
            client.Call("CONFIG", "SET", "latency-tracking", "no");
            client.Call("CONFIG", "RESETSTAT");
            client.Call("GET", "a");
            said += client.Call("INFO", "latencystats");
            client.Call("CONFIG", "SET", "latency-tracking", "yes");
            return said;
        });
    }

    [Fact]
    public void The_time_of_a_slow_command_is_in_its_percentiles()
    {
        using RunningServer server = new(KvStore.Demo.ServerProgram.KvStore(
            TestServer.KvStorePath, "--size", "64M", "--enable-debug-command", "local"));
        using var client = new TextClient(server.Process.TcpEndPoint);
        client.Call("DEBUG", "SLEEP", "0.05");

        Match median = Median().Match(client.Call("INFO", "latencystats"));
        Match total = Total().Match(client.Call("INFO", "commandstats"));

        Assert.InRange(double.Parse(median.Groups[1].ValueSpan, Culture), 50_000, 5_000_000);
        Assert.InRange(long.Parse(total.Groups[1].ValueSpan, Culture), 50_000, 5_000_000);
    }

    private static System.Globalization.CultureInfo Culture => System.Globalization.CultureInfo.InvariantCulture;

    /// <summary>Without times, and in one order.</summary>
    private static string Untimed(string info) => string.Join('\n', Times().Replace(info, "$1=T").Split('\n')
        .Where(line => !line.StartsWith('$')).Select(line => line.TrimEnd()).Order(StringComparer.Ordinal)) + "\n";

    [GeneratedRegex(@"\b(usec|usec_per_call|p[\d.]+)=[\d.]+")]
    private static partial Regex Times();

    [GeneratedRegex("usec_debug:p50=([0-9.]+)")]
    private static partial Regex Median();

    [GeneratedRegex("cmdstat_debug:calls=1,usec=([0-9]+)")]
    private static partial Regex Total();
}
