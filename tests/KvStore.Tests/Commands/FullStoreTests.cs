using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>
/// A store that is full, and that others fill again after each command: what frees memory, or only moves it, runs, as
/// in Redis. What needs more is refused until there is more.
/// </summary>
[Trait("speed", "slow")]
public sealed class FullStoreTests : IDisposable
{
    private const int Keys = 100;
    private static readonly int[] s_sizes = [100_000, 9_000, 3_000, 700, 100, 1];

    private readonly RunningServer _server;
    private readonly RespClient _client;
    private int _filled;

    public FullStoreTests()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no size of its own.");
        _server = new RunningServer(TestServer.Program("8M"));
        _client = _server.Connect();
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [Theory]
    [InlineData("RPUSH k a b c d", "LPOP k")]
    [InlineData("RPUSH k a b c d", "RPOP k 2")]
    [InlineData("RPUSH k a b c d", "LTRIM k 1 2")]
    [InlineData("RPUSH k a b c d", "LREM k 1 c")]
    [InlineData("SADD k a b c d", "SREM k a")]
    [InlineData("SADD k a b c d", "SPOP k")]
    [InlineData("SADD k 1 2 3 4", "SREM k 3")]
    [InlineData("ZADD k 1 a 2 b 3 c", "ZREM k b")]
    [InlineData("ZADD k 1 a 2 b 3 c", "ZPOPMIN k")]
    [InlineData("ZADD k 1 a 2 b 3 c", "ZREMRANGEBYRANK k 0 1")]
    [InlineData("HSET k a 1 b 2 c 3", "HDEL k b")]
    [InlineData("SET k value", "EXPIRE k 1000")]
    [InlineData("SET k value EX 1000", "PERSIST k")]
    [InlineData("SET k value", "RENAME k renamed:k")]
    [InlineData("HSET k a 1 b 2 c 3", "EXPIRE k 1000")]
    [InlineData("XADD k 1-1 a b", "XDEL k 1-1")]
    [InlineData("XGROUP CREATE k g $ MKSTREAM", "XGROUP DESTROY k g")]
    [InlineData("RPUSH k a b c d", "EVAL return(redis.call('lpop',KEYS[1])) 1 k")]
    public void What_frees_or_only_moves_memory_runs_in_a_full_store(string made, string command)
    {
        for (int i = 0; i < Keys; i++)
        {
            Assert.False(Call(made, i).IsError);
        }

        for (int i = 0; i < Keys; i++)
        {
            FillUp();
            RespReply reply = Call(command, i);
            Assert.False(reply.IsError, $"{i}: {reply.Text}");
        }
    }

    [Fact]
    public void A_transaction_that_frees_runs_and_one_that_needs_more_does_not()
    {
        for (int i = 0; i < Keys; i++)
        {
            Call("RPUSH k a b c d", i);
        }

        for (int i = 0; i < Keys; i++)
        {
            FillUp();
            Assert.Equal("OK", _client.Call("MULTI").Text);
            Assert.Equal("QUEUED", Call("LPOP k", i).Text);
            Assert.Equal("QUEUED", Call("EXPIRE k 1000", i).Text);
            Assert.Equal(["a", "1"], _client.Call("EXEC").Items!.Select(item => item.Text));
        }
    }

    [Fact]
    public void What_needs_memory_is_taken_again_once_there_is_some_over_a_kill_too()
    {
        Call("RPUSH k a b c d", 0);
        FillUp();
        Assert.Equal("a", Call("LPOP k", 0).Text); // the ballast went for it
        _server.Process.Kill();
        _server.Restart();
        using RespClient again = _server.Connect();
        Assert.Equal("b", again.Call("LPOP", "k0").Text);

        for (int i = 0; i < 20; i++)
        {
            again.Call("DEL", $"filler:{i}");
        }

        Assert.Equal("OK", again.Call("SET", "more", new string('v', 100)).Text);
        Assert.Equal("c", again.Call("LPOP", "k0").Text);
        Assert.Equal(["d"], again.Call("LRANGE", "k0", "0", "-1").Items!.Select(item => item.Text));
    }

    [Fact]
    public void A_store_in_which_a_large_collection_found_no_room_opens_again()
    {
        string value = new('v', 100);
        _client.Call("SET", "spare:0", value);
        _client.Call("SET", "spare:1", value);
        FillUp();
        _client.Call("DEL", "spare:0"); // room for the root of large collections, and not for its first leaf
        RespArgument[] members = [.. Enumerable.Range(0, 600).Select(n => (RespArgument)$"member:{n}")];
        Assert.StartsWith("OOM ", _client.Call(["SADD", "large", .. members]).Text, StringComparison.Ordinal);

        _server.Process.Kill();
        (int code, string text, string error) = Tool.Run("dotnet", [
            Path.Combine(AppContext.BaseDirectory, "gmfs.dll"), "check", "--deep", "--arena", _server.DataDirectory]);
        Assert.True(code == 0, text + error);
        _server.Restart();
        using RespClient again = _server.Connect();

        Assert.Equal(value, again.Call("GET", "spare:1").Text);
        Assert.Equal("OK", again.Call("FLUSHALL").Text);
        RespReply added = again.Call(["SADD", "large", .. members]);
        Assert.True(added.Integer == 600, added.Text);
    }

    [Fact]
    public void A_store_in_which_a_database_found_no_room_for_its_table_opens_again()
    {
        string value = new('v', 45);
        _client.Call("SET", "spare:0", value);
        _client.Call("SET", "spare:1", value);
        FillUp();
        _client.Call("DEL", "spare:0");
        int made = 1;
        while (!_client.Call("SELECT", $"{made}").IsError)
        {
            made++; // in the ballast, whose rest is room for one more root, and not for its first table
        }

        Assert.InRange(made, 1, 15);
        Assert.StartsWith("OOM ", _client.Call("SELECT", $"{made}").Text, StringComparison.Ordinal);

        _server.Process.Kill();
        (int code, string text, string error) = Tool.Run("dotnet", [
            Path.Combine(AppContext.BaseDirectory, "gmfs.dll"), "check", "--deep", "--arena", _server.DataDirectory]);
        Assert.True(code == 0, text + error);
        _server.Restart();
        using (RespClient again = _server.Connect())
        {
            Assert.Equal(value, again.Call("GET", "spare:1").Text);
            Assert.StartsWith("OOM ", again.Call("SELECT", $"{made}").Text, StringComparison.Ordinal);
            Assert.Equal("OK", again.Call("FLUSHALL").Text);
            Assert.Equal("OK", again.Call("SELECT", $"{made}").Text);
            Assert.Equal("OK", again.Call("SET", "k", "v").Text);
        }

        _server.Process.Kill();
        _server.Restart();
        using RespClient third = _server.Connect();
        Assert.Equal("OK", third.Call("SELECT", $"{made}").Text);
        Assert.Equal("v", third.Call("GET", "k").Text);
    }

    /// <summary>With a little more room each time: it is the root's at last, and not yet the table's.</summary>
    [Fact]
    public void A_store_in_which_the_functions_found_no_room_opens_again()
    {
        const string Library = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";
        string value = new('v', 45);
        int[] spares = [.. Enumerable.Range(0, 12)];
        Array.ForEach(spares, spare => _client.Call("SET", $"spare:{spare}", value));
        FillUp();
        int refused = 0;
        foreach (int spare in spares[1..])
        {
            using RespClient client = _server.Connect();
            refused += client.Call("FUNCTION", "LOAD", "REPLACE", Library).IsError ? 1 : 0;
            client.Call("DEL", $"spare:{spare}");
            _server.Process.Kill();
            _server.Restart();
        }

        using RespClient again = _server.Connect();
        Assert.InRange(refused, 1, spares.Length);
        Assert.Equal(value, again.Call("GET", "spare:0").Text);
        Assert.Equal("OK", again.Call("FLUSHALL").Text);
        Assert.Equal("lib", again.Call("FUNCTION", "LOAD", "REPLACE", Library).Text);
        Assert.Equal(1, again.Call("FCALL", "f", "0").Integer);
    }

    private RespReply Call(string line, int i) => _client.Call(
        [.. line.Split(' ').Select<string, RespArgument>(word => word is "k" or "renamed:k" ? word + i : word)]);

    private void FillUp()
    {
        foreach (int size in s_sizes)
        {
            while (!_client.Call("SET", $"filler:{_filled}", new string('f', size)).IsError)
            {
                _filled++;
            }
        }
    }
}
