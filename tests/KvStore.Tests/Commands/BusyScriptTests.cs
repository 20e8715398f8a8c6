using System.Text.RegularExpressions;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>While a script takes long: what others hear, and how they stop it. Beside redis-server.</summary>
public sealed partial class BusyScriptTests(ServerPair pair) : IClassFixture<ServerPair>
{
    private const string Library =
        "#!lua name=l\nredis.register_function('f', function() while true do end end)";

    [Theory]
    [InlineData("SCRIPT KILL", "EVAL \"while true do end\" 0")]
    [InlineData("SCRIPT KILL", "EVAL \"while true do pcall(function() while true do end end) end\" 0")]
    [InlineData("SCRIPT KILL", "EVAL \"while true do redis.call('get', 'k') end\" 0")]
    [InlineData("SCRIPT KILL", "EVAL_RO \"while true do end\" 0")]
    [InlineData("FUNCTION KILL", "FCALL f 0")]
    public void What_takes_long_is_told_and_killed(string kill, string script) =>
        pair.Compare(server =>
        {
            using var runs = new TextClient(server.Process.TcpEndPoint);
            using var asks = new TextClient(server.Process.TcpEndPoint);
            asks.Call("CONFIG", "SET", "lua-time-limit", "10");
            asks.Call("FUNCTION", "LOAD", "REPLACE", Library);
            asks.Call("SET", "k", "v");
            runs.Send(Bytes(script + "\r\nPING\r\n"));
            string said = WaitUntilBusy(asks);
            foreach (string line in new[]
            {
                "GET k", "SET k 1", "NOSUCH", "GET", "CONFIG GET hz", "SCRIPT EXISTS 00", "EVAL \"return 1\" 0",
                "WATCH k", "MULTI", "GET k", "EXEC", "UNWATCH", "HELLO 3", "HELLO 2", "SHUTDOWN",
                kill == "SCRIPT KILL" ? "FUNCTION KILL" : "SCRIPT KILL", kill,
            })
            {
                said += line + ": " + WithoutId(asks.Call(CommandLines.Split(line)));
            }

            said += Ending().Replace(runs.Receive(), " script") + runs.Receive();
            return said + asks.Call("GET", "k") + asks.Call(kill.Split(' ')) + asks.Call("FUNCTION", "FLUSH");
        });

    [Fact]
    public void A_client_comes_and_goes_meanwhile()
    {
        using RunningServer server = TestServer.Start("64M");
        using var runs = new TextClient(server.Process.TcpEndPoint);
        using var asks = new TextClient(server.Process.TcpEndPoint);
        asks.Call("CONFIG", "SET", "lua-time-limit", "10");
        runs.Send("EVAL \"while true do end\" 0\r\n"u8);
        WaitUntilBusy(asks);
        for (int i = 0; i < 20; i++)
        {
            using var other = new TextClient(server.Process.TcpEndPoint);
            Assert.StartsWith("-BUSY ", other.Call("GET", "k"), StringComparison.Ordinal);
        }

        Assert.Equal("+OK\r\n", asks.Call("SCRIPT", "KILL"));
        Assert.StartsWith("-ERR Script killed by user", runs.Receive(), StringComparison.Ordinal);
        Assert.Equal("+PONG\r\n", runs.Call("PING"));
    }

    [Fact]
    public void A_client_that_leaves_its_own_script_is_no_fault()
    {
        using RunningServer server = TestServer.Start("64M");
        using var asks = new TextClient(server.Process.TcpEndPoint);
        asks.Call("CONFIG", "SET", "lua-time-limit", "10");
        using (var runs = new TextClient(server.Process.TcpEndPoint))
        {
            runs.Send("EVAL \"redis.call('set', 'k', 'v') while true do end\" 0\r\nSET after 1\r\n"u8);
            WaitUntilBusy(asks);
        }

        Assert.StartsWith("-UNKILLABLE ", asks.Call("SCRIPT", "KILL"), StringComparison.Ordinal);
        Assert.StartsWith("-BUSY ", asks.Call("PING"), StringComparison.Ordinal);
        string? reply = null;
        Assert.True(SpinWait.SpinUntil(
            () => !(reply = asks.Call("GET", "k")).StartsWith("-BUSY", StringComparison.Ordinal), Patience.Limit));
        Assert.Equal("$-1\r\n", reply); // script-time-limit has stopped it, and taken its write back
    }

    [Fact]
    public void A_client_that_waits_for_a_key_hears_of_it_after_the_script()
    {
        using RunningServer server = TestServer.Start("64M");
        using var runs = new TextClient(server.Process.TcpEndPoint);
        using var asks = new TextClient(server.Process.TcpEndPoint);
        using var waits = new TextClient(server.Process.TcpEndPoint);
        asks.Call("CONFIG", "SET", "lua-time-limit", "10");
        waits.Send("BLPOP list 0\r\n"u8);
        Assert.True(SpinWait.SpinUntil(() => asks.Info("clients", "blocked_clients") == 1, Patience.Limit));
        runs.Send(Bytes("EVAL \"redis.call('rpush', 'list', 'a', 'b') for i = 1, 3e7 do end redis.call('lpop', 'list') "
            + "return redis.call('llen', 'list')\" 0\r\n"));
        WaitUntilBusy(asks);
        asks.Call("HELLO", "2");

        Assert.Equal(":1\r\n", runs.Receive());
        Assert.Equal("*2\r\n$4\r\nlist\r\n$1\r\nb\r\n", waits.Receive());
    }

    [Fact]
    public void A_function_that_runs_is_shown()
    {
        using RunningServer server = TestServer.Start("64M");
        using var runs = new TextClient(server.Process.TcpEndPoint);
        using var asks = new TextClient(server.Process.TcpEndPoint);
        asks.Call("CONFIG", "SET", "busy-reply-threshold", "10");
        asks.Call("FUNCTION", "LOAD", Library);
        runs.Send("FCALL f 1 key argument\r\n"u8);
        WaitUntilBusy(asks);

        Assert.Matches(
            @"^\*4\r\n\$14\r\nrunning_script\r\n\*6\r\n\$4\r\nname\r\n\$1\r\nf\r\n\$7\r\ncommand\r\n\*5\r\n"
            + @"\$5\r\nFCALL\r\n\$1\r\nf\r\n\$1\r\n1\r\n\$3\r\nkey\r\n\$8\r\nargument\r\n"
            + @"\$11\r\nduration_ms\r\n:\d\d+\r\n",
            asks.Call("FUNCTION", "STATS"));
        Assert.Equal("+OK\r\n", asks.Call("FUNCTION", "KILL"));
    }

    [Fact]
    public void A_script_in_a_transaction_is_killed_and_the_rest_runs()
    {
        pair.Compare(server =>
        {
            using var runs = new TextClient(server.Process.TcpEndPoint);
            using var asks = new TextClient(server.Process.TcpEndPoint);
            asks.Call("CONFIG", "SET", "lua-time-limit", "10");
            foreach (string line in new[] { "MULTI", "SET before 1", "EVAL \"while true do end\" 0", "SET after 1" })
            {
                runs.Call(CommandLines.Split(line));
            }

            runs.Send("EXEC\r\n"u8);
            string said = WaitUntilBusy(asks) + asks.Call("SCRIPT", "KILL");
            return said + Ending().Replace(runs.Receive(), " script") + asks.Call("MGET", "before", "after");
        });
    }

    [Fact]
    public void SHUTDOWN_NOSAVE_ends_a_server_whose_script_has_written_and_takes_that_back()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server loses what was not saved.");
        using RunningServer server = TestServer.Start("64M");
        using var runs = new TextClient(server.Process.TcpEndPoint);
        using (var asks = new TextClient(server.Process.TcpEndPoint))
        {
            asks.Call("CONFIG", "SET", "script-time-limit", "3600000", "lua-time-limit", "10");
            asks.Call("SET", "k", "before");
            runs.Send("EVAL \"redis.call('set', 'k', 'after') while true do end\" 0\r\n"u8);
            WaitUntilBusy(asks);
            Assert.StartsWith("-BUSY ", asks.Call("SHUTDOWN", "SAVE"), StringComparison.Ordinal);
            Assert.Equal("(closed)", asks.Call("SHUTDOWN", "NOSAVE"));
        }

        Assert.True(SpinWait.SpinUntil(() => server.Process.HasExited, Patience.Limit));
        server.Restart();
        using var again = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("$6\r\nbefore\r\n", again.Call("GET", "k"));
    }

    /// <summary>What PING is told once the script has taken long.</summary>
    private static string WaitUntilBusy(TextClient client)
    {
        string reply = "";
        Assert.True(
            SpinWait.SpinUntil(
                () => (reply = client.Call("PING")).StartsWith("-BUSY", StringComparison.Ordinal), Patience.Limit),
            "others were not told that a script runs");
        return reply;
    }

    private static byte[] Bytes(string text) => [.. text.Select(c => (byte)c)];

    private static string WithoutId(string reply) => Ids().Replace(reply, "");

    [GeneratedRegex(" script: .*")]
    private static partial Regex Ending();

    [GeneratedRegex(@"\$2\r\nid\r\n:\d+\r\n")]
    private static partial Regex Ids();
}
