using System.Globalization;
using System.Text;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>
/// Libraries of functions over kills and in both directions with redis-server. Replies are in
/// <see cref="FunctionLines"/>.
/// </summary>
public sealed class FunctionTests(ITestOutputHelper output)
{
    private const int Kills = 8;

    [Fact]
    public void Functions_are_there_after_SIGKILL_and_begin_anew()
    {
        using RunningServer server = TestServer.Start("64M");
        using (TextClient client = new(server.Process.TcpEndPoint))
        {
            client.Call("FUNCTION", "LOAD", Library("lib", "local n = 0",
                "redis.register_function('count', function() n = n + 1 return n end)"));
            client.Call("FUNCTION", "LOAD", Library("gone", "redis.register_function('gone', function() end)"));
            client.Call("FUNCTION", "DELETE", "gone");
            Assert.Equal(":1\r\n", client.Call("FCALL", "count", "0"));
            Assert.Equal(":2\r\n", client.Call("FCALL", "count", "0"));
            server.Process.Kill();
        }

        server.Restart();

        using TextClient again = new(server.Process.TcpEndPoint);
        Assert.Equal(":1\r\n", again.Call("FCALL", "count", "0"));
        Assert.Equal("-ERR Function not found\r\n", again.Call("FCALL", "gone", "0"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Libraries_that_are_restored_together_are_all_old_or_all_new_after_kills_at_any_time()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server writes FUNCTION RESTORE as one command.");
        using RunningServer server = TestServer.Start("64M");
        string[] payloads = [.. Enumerable.Range(0, 2).Select(Versions)];
        long restored = 0;
        Random random = new(1);
        for (int kill = 0; kill < Kills; kill++)
        {
            int delay = random.Next(20);
            long enough = restored + 20 + (7 * kill);
            Thread killer = server.KillBehind(() => Volatile.Read(ref restored) >= enough, delay);
            using (TextClient client = new(server.Process.TcpEndPoint))
            {
                while (client.Call("FUNCTION", "RESTORE", payloads[restored & 1], "REPLACE") == "+OK\r\n")
                {
                    Interlocked.Increment(ref restored);
                }
            }

            killer.Join();
            server.Restart();
            using TextClient again = new(server.Process.TcpEndPoint);
            string[] versions = [.. Enumerable.Range(0, 3).Select(i => again.Call("FCALL", $"version{i}", "0"))];
            Assert.Single(versions.Distinct());
            Assert.StartsWith(":", versions[0], StringComparison.Ordinal);
        }

        output.WriteLine($"{restored} restored, {Kills} kills");
    }

    [Fact]
    public void What_a_function_wrote_before_it_was_stopped_is_taken_back()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server stops no function by itself.");
        using RunningServer server = TestServer.Start("64M");
        using TextClient client = new(server.Process.TcpEndPoint);
        client.Call("CONFIG", "SET", "script-time-limit", "100");
        client.Call("FUNCTION", "LOAD", Library("lib",
            "redis.register_function('f', function() redis.call('set', 'k', 'v') while true do end end)"));

        string stopped = client.Call("FCALL", "f", "0");
        string endless = client.Call("FUNCTION", "LOAD", Library("endless", "while true do end"));

        Assert.StartsWith("-ERR the script ran for more than 100 ms", stopped, StringComparison.Ordinal);
        Assert.Equal("$-1\r\n", client.Call("GET", "k"));
        Assert.StartsWith("-ERR Error registering functions", endless, StringComparison.Ordinal);
        Assert.Equal("+PONG\r\n", client.Call("PING"));
    }

    [Fact]
    public void A_transaction_that_is_taken_back_takes_its_library_back()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server takes nothing back.");
        using RunningServer server = new(ServerProgram.KvStore(
            TestServer.KvStorePath, "--size", "16M", "--maxmemory-policy", "allkeys-lru"));
        using TextClient client = new(server.Process.TcpEndPoint);
        for (int i = 0; i < 12; i++)
        {
            client.Call("SET", $"k{i}", new string('x', 1 << 20));
        }

        client.Call("MULTI");
        client.Call("FUNCTION", "LOAD", Library("lib", "redis.register_function('f', function() return 1 end)"));
        client.Call("SET", "large", new string('x', 6 << 20));
        string executed = client.Call("EXEC");

        Assert.Equal("*2\r\n$3\r\nlib\r\n+OK\r\n", executed); // the second time: the first found no room
        Assert.Equal(":1\r\n", client.Call("FCALL", "f", "0"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Libraries_go_to_redis_and_come_from_it()
    {
        using RunningServer redis = new(ServerProgram.Redis(Tool.Require("redis-server")));
        using RunningServer own = TestServer.Start("64M");
        using TextClient other = new(redis.Process.TcpEndPoint);
        using TextClient mine = new(own.Process.TcpEndPoint);
        // Long enough for redis to compress it.
        string register = "redis.register_function('f', function(keys, args) return keys[1] .. args[1] end)";
        other.Call("FUNCTION", "LOAD", Library("lib", register, new string('-', 500)));

        string come = mine.Call("FUNCTION", "RESTORE", Dump(other));
        mine.Call("FUNCTION", "LOAD", Library("second", "redis.register_function('g', function() return 2 end)"));
        string gone = other.Call("FUNCTION", "RESTORE", Dump(mine), "FLUSH");

        Assert.Equal("+OK\r\n", come);
        Assert.Equal("+OK\r\n", gone);
        Assert.Equal("$2\r\nab\r\n", mine.Call("FCALL", "f", "1", "a", "b"));
        Assert.Equal("$2\r\nab\r\n", other.Call("FCALL", "f", "1", "a", "b"));
        Assert.Equal(":2\r\n", other.Call("FCALL", "g", "0"));
    }

    /// <summary>One of several is wrong: none is there.</summary>
    [Fact]
    public void A_payload_of_which_one_library_is_wrong_changes_nothing()
    {
        using RunningServer server = TestServer.Start("64M");
        using TextClient client = new(server.Process.TcpEndPoint);
        client.Call("FUNCTION", "LOAD", Library("old", "redis.register_function('old', function() return 1 end)"));
        foreach (string wrong in new[]
        {
            Library("wrong", "this is no Lua"), Library("good", "redis.register_function('other', function() end)"),
            Library("wrong", "redis.register_function('good', function() end)"), "no header",
        })
        {
            string payload = Payload(Library("good", "redis.register_function('good', function() end)"), wrong);

            Assert.StartsWith("-ERR", client.Call("FUNCTION", "RESTORE", payload, "FLUSH"), StringComparison.Ordinal);

            Assert.Equal(":1\r\n", client.Call("FCALL", "old", "0"));
            Assert.Equal("-ERR Function not found\r\n", client.Call("FCALL", "good", "0"));
        }
    }

    private static string Versions(int version) => Payload([.. Enumerable.Range(0, 3).Select(i => Library(
        $"lib{i}", $"redis.register_function('version{i}', function() return {version} end)"))]);

    private static string Payload(params string[] libraries)
    {
        byte[] content = [.. libraries.SelectMany(library => (byte[])[245, .. Rdb.Bytes.String(
            Encoding.Latin1.GetBytes(library))])];
        return Encoding.Latin1.GetString(Rdb.Bytes.Payload(content));
    }

    private static string Library(string name, params string[] lines) =>
        $"#!lua name={name}\n{string.Join('\n', lines)}".Replace("\n-", "\n--", StringComparison.Ordinal);

    private static string Dump(TextClient client)
    {
        string reply = client.Call("FUNCTION", "DUMP");
        int end = reply.IndexOf('\r', StringComparison.Ordinal);
        return reply.Substring(end + 2, int.Parse(reply.AsSpan(1, end - 1), CultureInfo.InvariantCulture));
    }
}
