using KvStore.Tests.Infrastructure;
using StackExchange.Redis;

namespace KvStore.Tests.Clients;

/// <summary>StackExchange.Redis, the newest (<c>-p:StackExchangeRedisVersion=…</c> takes another one).</summary>
public sealed class StackExchangeRedisTests : IAsyncDisposable
{
    private readonly RunningServer _server = TestServer.Start();
    private readonly ConnectionMultiplexer _connection;
    private readonly IDatabase _database;

    public StackExchangeRedisTests()
    {
        _connection = ConnectionMultiplexer.Connect(
            $"127.0.0.1:{_server.Port},allowAdmin=true,connectTimeout=10000,syncTimeout=10000");
        _database = _connection.GetDatabase();
    }

    [Fact]
    public void Strings()
    {
        Assert.True(_database.StringSet("k", "v"));
        Assert.Equal("v", (string?)_database.StringGet("k"));
        Assert.True(_database.StringGet("none").IsNull);
        Assert.False(_database.StringSet("k", "w", expiry: null, when: When.NotExists));
        Assert.True(_database.StringSet("k", "w", expiry: null, when: When.Exists));
        Assert.Equal("w", (string?)_database.StringGetSet("k", "x"));
        Assert.Equal(4, _database.StringAppend("k", "yz!"));
        Assert.Equal("yz", (string?)_database.StringGetRange("k", 1, 2));
        Assert.Equal(6, (int)_database.StringSetRange("k", 4, "??"));
        Assert.Equal(6, _database.StringLength("k"));
        Assert.False(_database.StringSetBit("bits", 9, true));
        Assert.True(_database.StringGetBit("bits", 9));
        Assert.Equal(1, _database.StringBitCount("bits"));
        byte[] binary = [0, 13, 10, 255];
        _database.StringSet(binary, binary);
        Assert.Equal(binary, (byte[]?)_database.StringGet(binary));
    }

    [Fact]
    public void Numbers()
    {
        Assert.Equal(1, _database.StringIncrement("n"));
        Assert.Equal(42, _database.StringIncrement("n", 41));
        Assert.Equal(41, _database.StringDecrement("n"));
        Assert.Equal(0.5, _database.StringIncrement("f", 0.5));
        _database.StringSet("text", "no number");
        var e = Assert.Throws<RedisServerException>(() => _database.StringIncrement("text"));
        Assert.Equal("ERR value is not an integer or out of range", e.Message);
    }

    [Fact]
    public void Many_at_once()
    {
        Assert.True(_database.StringSet([new("a", "1"), new("b", "2")]));
        Assert.False(_database.StringSet([new("b", "3"), new("c", "4")], When.NotExists));
        Assert.Equal(["1", "2", null], _database.StringGet(["a", "b", "c"]).Select(v => (string?)v));
        Assert.Equal(2, _database.KeyDelete(["a", "b", "c"]));
    }

    [Fact]
    public void Keys_and_their_expiry()
    {
        _database.StringSet("k", "v", TimeSpan.FromSeconds(100));
        Assert.InRange(_database.KeyTimeToLive("k")!.Value.TotalSeconds, 90, 100);
        Assert.True(_database.KeyPersist("k"));
        Assert.Null(_database.KeyTimeToLive("k"));
        Assert.True(_database.KeyExpire("k", DateTime.UtcNow.AddMinutes(10)));
        Assert.InRange(_database.KeyTimeToLive("k")!.Value.TotalMinutes, 9, 10);
        Assert.True(_database.KeyRename("k", "l"));
        Assert.False(_database.KeyExists("k"));
        Assert.Equal(RedisType.String, _database.KeyType("l"));
        Assert.Equal("l", (string?)_database.KeyRandom());
        Assert.True(_database.KeyExpire("l", TimeSpan.FromMilliseconds(1)));
        Assert.True(SpinWait.SpinUntil(() => !_database.KeyExists("l"), Patience.Limit));
    }

    [Fact]
    public async Task Transactions_with_conditions()
    {
        await _database.StringSetAsync("k", "1");
        ITransaction wins = _database.CreateTransaction();
        wins.AddCondition(Condition.StringEqual("k", "1"));
        Task<long> incremented = wins.StringIncrementAsync("k");
        Assert.True(await wins.ExecuteAsync());
        Assert.Equal(2, await incremented);

        ITransaction loses = _database.CreateTransaction();
        loses.AddCondition(Condition.KeyNotExists("k"));
        _ = loses.StringAppendAsync("k", "lost");
        Assert.False(await loses.ExecuteAsync());
        Assert.Equal("2", (string?)await _database.StringGetAsync("k"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public async Task Ten_thousand_pipelined_operations_from_many_threads()
    {
        await Parallel.ForEachAsync(Enumerable.Range(0, 10_000), TestContext.Current.CancellationToken, async (i, _) =>
        {
            await _database.StringSetAsync($"p:{i}", i);
            Assert.Equal(i, (int)await _database.StringGetAsync($"p:{i}"));
        });
        IServer server = _connection.GetServer(_connection.GetEndPoints()[0]);
        Assert.Equal(10_000, await server.DatabaseSizeAsync());
        Assert.Equal(10_000, server.Keys(pattern: "p:*", pageSize: 500).Distinct().Count());
        await server.FlushDatabaseAsync();
        Assert.Equal(0, await server.DatabaseSizeAsync());
    }

    [Fact]
    public void The_server_tells_of_itself()
    {
        IServer server = _connection.GetServer(_connection.GetEndPoints()[0]);
        Assert.True(server.IsConnected);
        Assert.Equal(ServerType.Standalone, server.ServerType);
        Assert.True(server.Version >= new Version(7, 0));
        Assert.InRange(Math.Abs((server.Time() - DateTime.UtcNow).TotalSeconds), 0, 5);
        Assert.Contains(server.Info(), section => section.Key == "Server");
        Assert.Equal("PONG", (string?)_database.Execute("PING"));
    }

    [Fact]
    public void Scripts_and_the_locks_that_are_made_of_them()
    {
        Assert.Equal("1:2", (string?)_database.ScriptEvaluate("return KEYS[1] .. ':' .. ARGV[1]", ["1"], ["2"]));
        LuaScript prepared = LuaScript.Prepare("return redis.call('set', @key, @value)");
        Assert.Equal("OK", (string?)_database.ScriptEvaluate(prepared, new { key = (RedisKey)"k", value = "v" }));
        Assert.True(_database.LockTake("lock", "me", TimeSpan.FromMinutes(1)));
        Assert.True(_database.LockExtend("lock", "me", TimeSpan.FromMinutes(2)));
        Assert.False(_database.LockRelease("lock", "you"));
        Assert.True(_database.LockRelease("lock", "me"));
    }

    [Fact]
    public void Streams_and_their_groups()
    {
        RedisValue first = _database.StreamAdd("s", "field", "one");
        RedisValue second = _database.StreamAdd("s", [new("field", "two"), new("more", "3")], maxLength: 10);
        Assert.Equal(2, _database.StreamLength("s"));
        Assert.True(_database.StreamCreateConsumerGroup("s", "g", "0-0"));
        StreamEntry got = Assert.Single(_database.StreamReadGroup("s", "g", "me", ">", count: 1));
        Assert.Equal(first, got.Id);
        Assert.Equal("one", (string?)got["field"]);
        Assert.Equal(second, Assert.Single(_database.StreamReadGroup("s", "g", "you", ">")).Id);
        Assert.Equal(1, _database.StreamAcknowledge("s", "g", first));
        StreamPendingInfo pending = _database.StreamPending("s", "g");
        Assert.Equal(1, pending.PendingMessageCount);
        Assert.Equal("you", (string?)Assert.Single(pending.Consumers).Name);
        Assert.Equal(second, Assert.Single(_database.StreamClaim("s", "g", "me", 0, [second])).Id);
        Assert.Equal(2, _database.StreamPendingMessages("s", "g", 10, "me")[0].DeliveryCount);
        Assert.Equal(second, Assert.Single(_database.StreamAutoClaim("s", "g", "you", 0, "0-0").ClaimedEntries).Id);
        Assert.Equal(2, _database.StreamInfo("s").Length);
        Assert.Equal(2, _database.StreamGroupInfo("s")[0].ConsumerCount);
        Assert.Equal(2, _database.StreamConsumerInfo("s", "g").Length);
        Assert.Equal([second, first], _database.StreamRange("s", messageOrder: Order.Descending).Select(it => it.Id));
        Assert.Equal(1, _database.StreamDelete("s", [first]));
        Assert.Equal(RedisType.Stream, _database.KeyType("s"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public async Task A_subscriber_hears_again_once_the_server_is_back()
    {
        var channel = RedisChannel.Literal("news");
        var pattern = RedisChannel.Pattern("n*");
        var heard = new System.Collections.Concurrent.ConcurrentQueue<string>();
        ISubscriber subscriber = _connection.GetSubscriber();
        await subscriber.SubscribeAsync(channel, (_, message) => heard.Enqueue("channel " + message));
        await subscriber.SubscribeAsync(pattern, (_, message) => heard.Enqueue("pattern " + message));
        Assert.Equal(2, await subscriber.PublishAsync(channel, "before"));
        Assert.True(SpinWait.SpinUntil(() => heard.Count == 2, Patience.Limit));
        Assert.Equal(["channel before", "pattern before"], heard.Order(StringComparer.Ordinal));

        _server.Process.Kill();
        _server.RestartWhereItWas();
        using ConnectionMultiplexer sender =
            await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{_server.Port},connectTimeout=10000");
        Assert.True(SpinWait.SpinUntil(
            () => sender.GetSubscriber().Publish(channel, "after") == 2, Patience.Limit));
        Assert.True(SpinWait.SpinUntil(
            () => heard.Contains("channel after") && heard.Contains("pattern after"), Patience.Limit));
    }

    [Fact]
    public void What_it_wrote_is_there_after_the_server_was_killed()
    {
        _database.StringSet("k", "v");
        _server.Process.Kill();
        _server.Restart();
        using ConnectionMultiplexer again = ConnectionMultiplexer.Connect(
            $"127.0.0.1:{_server.Port},connectTimeout=10000");
        Assert.Equal("v", (string?)again.GetDatabase().StringGet("k"));
    }

    // On another thread: an async test ends on one of the connection's own, for which the connection would wait ten
    // seconds.
    public ValueTask DisposeAsync() => new(Task.Run(() =>
    {
        _connection.Dispose();
        _server.Dispose();
    }));
}
