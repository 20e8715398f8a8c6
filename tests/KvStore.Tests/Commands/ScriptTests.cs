using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>What scripts may take, what a crash leaves of them, and what they cannot reach. Replies are in
/// <see cref="CommandLines"/>.</summary>
public sealed class ScriptTests
{
    public static TheoryData<string> Endless =>
    [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "table.sort({3, 2, 1}, function(a, b) while true do end end)",
        "string.gsub('abc', '.', function() while true do end end)",
        "return tostring(setmetatable({}, { __tostring = function() while true do end end }))",
        "xpcall(error, function() while true do end end)",
        "local function f() return f() end f()",
        "while true do redis.call('ping') end",
    ];

    public static TheoryData<string> Greedy =>
    [
        "local s = 'x' while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "return string.rep('x', 1e9)",
        "local t = {} while true do t[#t + 1] = redis.call('get', 'large') .. #t end",
    ];

    [Theory]
    [Trait("speed", "slow")]
    [MemberData(nameof(Endless))]
    public void A_script_that_does_not_end_is_stopped_and_taken_back(string script)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server stops no script by itself.");
        using RunningServer server = TestServer.Start();
        using var client = new TextClient(server.Process.TcpEndPoint);
        client.Call("CONFIG", "SET", "script-time-limit", "100");
        client.Call("SET", "k", "before");
        string writes = "redis.call('set', 'k', 'after') redis.call('set', 'new', '1') ";
        string reply = client.Call("EVAL", writes + script, "0");
        Assert.StartsWith("-ERR the script ran for more than 100 ms", reply, StringComparison.Ordinal);
        Assert.Equal("$6\r\nbefore\r\n", client.Call("GET", "k"));
        Assert.Equal(":0\r\n", client.Call("EXISTS", "new"));
        Assert.Equal(":3\r\n", client.Call("EVAL", "return 1 + 2", "0"));
    }

    [Theory]
    [Trait("speed", "slow")]
    [MemberData(nameof(Greedy))]
    public void A_script_that_takes_too_much_memory_fails_and_the_next_one_runs(string script)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no limit for scripts.");
        using RunningServer server = TestServer.Start();
        using var client = new TextClient(server.Process.TcpEndPoint);
        client.Call("CONFIG", "SET", "script-time-limit", "60000");
        client.Call("CONFIG", "SET", "script-memory-limit", "8m");
        client.Call("SET", "large", new string('x', 1_000_000));
        long before = server.ResidentBytes;
        Assert.StartsWith("-ERR not enough memory", client.Call("EVAL", script, "0"), StringComparison.Ordinal);
        Assert.Equal(":3\r\n", client.Call("EVAL", "return 1 + 2", "0"));
        Assert.InRange(server.ResidentBytes - before, long.MinValue, 64L << 20);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_crash_leaves_all_of_a_script_or_nothing()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has written half of it to its file, or nothing.");
        using RunningServer server = TestServer.Start();
        using (var client = new TextClient(server.Process.TcpEndPoint))
        {
            client.Call("CONFIG", "SET", "script-time-limit", "600000");
            client.Call("SET", "a", "old");
            string writes = "redis.call('set', 'b', '1') return redis.call('set', 'c', '1')";
            Assert.Equal("+OK\r\n", client.Call("EVAL", writes, "0"));
        }

        using var caller = new TextClient(server.Process.TcpEndPoint);
        string endless = "redis.call('set', 'a', 'new') redis.call('del', 'b') "
            + "while true do redis.call('incr', 'n') end";
        var script = new Thread(() => caller.Call("EVAL", endless, "0"));
        script.Start();
        Thread.Sleep(300);
        server.Process.Kill();
        script.Join();
        server.Restart();
        using var again = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("*4\r\n$3\r\nold\r\n$1\r\n1\r\n$1\r\n1\r\n$-1\r\n", again.Call("MGET", "a", "b", "c", "n"));
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData("io")]
    [InlineData("os")]
    [InlineData("debug")]
    [InlineData("require")]
    [InlineData("dofile")]
    [InlineData("package")]
    public void A_script_reaches_nothing_but_the_keys(string name)
    {
        using RunningServer server = TestServer.Start();
        using var client = new TextClient(server.Process.TcpEndPoint);
        Assert.Contains(
            $"Script attempted to access nonexistent global variable '{name}'",
            client.Call("EVAL", $"return {name}", "0"),
            StringComparison.Ordinal);
        Assert.StartsWith(
            "$-1",
            client.Call("EVAL", "return (loadstring('\\27Lua')) or false", "0"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_script_does_what_its_caller_may()
    {
        using RunningServer server = TestServer.Start();
        using var client = new TextClient(server.Process.TcpEndPoint);
        client.Call("ACL", "SETUSER", "u", "on", "nopass", "+eval", "+get", "~a*");
        client.Call("AUTH", "u", "any");
        Assert.Equal("$-1\r\n", client.Call("EVAL", "return redis.call('get', KEYS[1])", "1", "a1"));
        Assert.StartsWith(
            "-NOPERM",
            client.Call("EVAL", "return redis.call('get', KEYS[1])", "1", "b1"),
            StringComparison.Ordinal);
        Assert.StartsWith(
            "-ERR The user executing the script can't access at least one of the keys mentioned in the command",
            client.Call("EVAL", "return redis.call('get', 'b1')", "0"),
            StringComparison.Ordinal);
        Assert.StartsWith(
            "-ERR The user executing the script can't run this command or subcommand",
            client.Call("EVAL", "return redis.call('set', 'a1', 'x')", "0"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_script_changes_is_seen_by_watchers_and_subscribers()
    {
        using RunningServer server = TestServer.Start();
        using var watcher = new TextClient(server.Process.TcpEndPoint);
        using var listener = new TextClient(server.Process.TcpEndPoint);
        using var caller = new TextClient(server.Process.TcpEndPoint);
        watcher.Call("WATCH", "k");
        listener.Call("SUBSCRIBE", "c");
        Assert.Equal(
            ":1\r\n", caller.Call("EVAL", "redis.call('set', 'k', '1') return redis.call('publish', 'c', 'm')", "0"));
        Assert.Equal("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n", listener.Receive());
        watcher.Call("MULTI");
        watcher.Call("PING");
        Assert.Equal("*-1\r\n", watcher.Call("EXEC"));
    }
}
