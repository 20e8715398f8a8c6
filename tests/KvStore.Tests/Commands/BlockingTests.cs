using System.Diagnostics;
using System.Globalization;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>Commands that wait for a key: which client is served when, and what it hears, as in redis-server.</summary>
public sealed class BlockingTests(ServerPair pair) : IClassFixture<ServerPair>
{
    private const int Many = 1000;

    public static TheoryData<string, bool> Conversations()
    {
        var data = new TheoryData<string, bool>();
        foreach (string name in s_conversations.Keys)
        {
            data.Add(name, false);
            data.Add(name, true);
        }

        return data;
    }

    private static readonly Dictionary<string, string> s_conversations = new(StringComparer.Ordinal)
    {
        ["the first who came is served first"] = """
            a> BLPOP k 0
            b> BRPOP k 0
            c> BLMPOP 0 2 other k LEFT COUNT 10
            d: RPUSH k 1 2 3 4 5
            a<
            b<
            c<
            d: EXISTS k
            """,
        ["one is served for each element"] = """
            a> BLPOP k 0
            b> BLPOP k 0
            d: LPUSH k 1
            a<
            d: INFO nothing
            d: LPUSH k 2
            b<
            """,
        ["a transaction is seen as it ends"] = """
            a> BLPOP x y z 0
            d: MULTI
            d: LPUSH z 1
            d: LPUSH y 2
            d: LPUSH x 3
            d: DEL z
            d: LPUSH y 4
            d: EXEC
            a<
            d: LRANGE x 0 -1
            d: LRANGE y 0 -1
            """,
        ["what a transaction takes back is not seen"] = """
            a> BLPOP k 0
            d: MULTI
            d: LPUSH k 1
            d: DEL k
            d: SET k v
            d: EXEC
            d: DEL k
            d: RPUSH k 2 3
            a<
            d: LRANGE k 0 -1
            """,
        ["a script is seen as it ends"] = """
            a> BLPOP k 0
            d: EVAL "redis.call('rpush', KEYS[1], '1'); redis.call('lpush', KEYS[1], '0'); return 5" 1 k
            a<
            d: LRANGE k 0 -1
            """,
        ["moves make the next key ready"] = """
            a> BLMOVE one two LEFT RIGHT 0
            b> BRPOPLPUSH two three 0
            c> BLPOP three 0
            d: RPUSH one x
            a<
            b<
            c<
            d: EXISTS one two three
            """,
        ["a move in a circle"] = """
            a> BRPOPLPUSH k k 0
            b> BLMOVE k k LEFT LEFT 0
            d: RPUSH k 1 2
            a<
            b<
            d: LRANGE k 0 -1
            """,
        ["a target of the wrong type"] = """
            d: SET two v
            a> BLMOVE one two LEFT RIGHT 0
            b> BLPOP one 0
            d: RPUSH one x
            a<
            b<
            """,
        ["a key of the wrong type"] = """
            d: SET k v
            a: BLPOP k 0
            a: BZPOPMIN k 0
            a: BLMOVE k l LEFT LEFT 0
            a: BLPOP none k 0
            d: RPUSH l 1
            a: BLPOP l k 0
            a: BLPOP none k l 0
            """,
        ["lists and sorted sets wait apart"] = """
            a> BZPOPMIN k 0
            b> BLPOP k 0
            d: RPUSH k x
            b<
            d: ZADD k 1 one 2 two
            a<
            d: ZRANGE k 0 -1
            """,
        ["sorted sets"] = """
            a> BZPOPMAX none k 0
            b> BZMPOP 0 2 k l MIN COUNT 2
            c> BZMPOP 0 1 k MAX
            d: ZADD k 1 a 2.5 b 3 c 4 d 5 e
            a<
            b<
            c<
            d: ZRANGE k 0 -1 WITHSCORES
            d: ZMPOP 1 k MIN
            d: ZMPOP 2 l k MAX COUNT 2
            d: ZMPOP 2 l m MAX COUNT 2
            d: ZADD k 7 x
            d: BZPOPMIN none k 0
            """,
        ["streams"] = """
            a> XREAD BLOCK 0 STREAMS k other $ $
            b> XREAD COUNT 1 BLOCK 0 STREAMS other k 0 0
            d: MULTI
            d: XADD k 1-1 a b
            d: XADD k 1-2 a b
            d: EXEC
            a<
            b<
            a> XREAD BLOCK 0 STREAMS k 7-7
            b> XREAD BLOCK 0 STREAMS gone $
            d: XADD k 5-1 a b
            d: SET gone v
            d: DEL gone
            d: XADD k 8-1 a b
            a<
            d: XGROUP CREATE gone g 0 MKSTREAM
            d: XADD gone 3-3 a b
            b<
            a> XREAD BLOCK 0 STREAMS k $
            d: MULTI
            d: XADD k 9-1 a b
            d: XDEL k 9-1
            d: EXEC
            a<
            a: XREAD BLOCK 20 STREAMS k $
            a> XREAD BLOCK 0 STREAMS k $ ; PING
            d: CLIENT UNBLOCK $a ERROR
            a<
            a<
            d: DEL k
            a> XREAD BLOCK 0 STREAMS k 9-5
            b> BLPOP k 0
            d: RENAME gone k
            d: DEL k
            d: RPUSH k x
            b<
            d: XADD k 10-1 a b
            a<
            """,
        ["groups of a stream"] = """
            d: XGROUP CREATE k g $ MKSTREAM
            d: XGROUP CREATE k h $
            d: XGROUP CREATE l g $ MKSTREAM
            a> XREADGROUP GROUP g a BLOCK 0 STREAMS k l > >
            b> XREADGROUP GROUP g b BLOCK 0 COUNT 1 STREAMS k >
            c: XREADGROUP GROUP h c BLOCK 0 NOACK STREAMS l k > >
            d: XGROUP CREATE l h $
            c> XREADGROUP GROUP h c BLOCK 0 NOACK STREAMS l k > >
            d: XADD k 1-1 a b
            a<
            c<
            d: XADD k 1-2 a b
            b<
            d: XPENDING k g
            d: XPENDING k h
            a> XREADGROUP GROUP g a BLOCK 0 STREAMS k >
            d: XGROUP SETID k h $
            b> XREADGROUP GROUP h b BLOCK 0 STREAMS k >
            d: XGROUP DESTROY k g
            a<
            d: DEL k
            b<
            """,
        ["streams that go"] = """
            d: XGROUP CREATE k g $ MKSTREAM
            a> XREADGROUP GROUP g a BLOCK 0 STREAMS k >
            d: SET k v
            a<
            d: DEL k
            d: XGROUP CREATE k g $ MKSTREAM
            a> XREADGROUP GROUP g a BLOCK 0 STREAMS k >
            d: FLUSHALL
            a<
            d: XGROUP CREATE k g $ MKSTREAM
            a> XREADGROUP GROUP g a BLOCK 0 STREAMS k >
            b> XREAD BLOCK 0 STREAMS k $
            d: RENAME k l
            a<
            d: XGROUP CREATE k g $ MKSTREAM
            a> XREADGROUP GROUP g a BLOCK 0 STREAMS k >
            d: MULTI
            d: DEL k
            d: XADD k 1-1 a b
            d: EXEC
            a<
            b<
            d: XGROUP CREATE k g $ MKSTREAM
            a> XREADGROUP GROUP g a BLOCK 0 STREAMS k >
            d: PEXPIRE k 50
            a<
            d: XGROUP CREATE k g $ MKSTREAM
            a> XREADGROUP GROUP g a BLOCK 0 STREAMS k >
            d: SWAPDB 0 1
            a<
            """,
        ["what makes a key without a push"] = """
            a> BLPOP k 0
            d: RPUSH other 1
            d: RENAME other k
            a<
            a> BLPOP k 0
            d: RPUSH other 2
            d: COPY other k
            a<
            a> BLPOP k 0
            d: LMOVE other k LEFT LEFT
            a<
            a> BZPOPMIN z 0
            d: ZADD other 1 m
            d: ZRANGESTORE z other 0 -1
            a<
            """,
        ["time that is over"] = """
            a: BLPOP k 0.15
            a: BLMOVE k l LEFT LEFT 0.01
            a: BLMPOP 0.001 1 k LEFT
            a: BZPOPMIN k 0.05
            a: BZMPOP 0.05 1 k MIN
            a: BRPOPLPUSH k l 0.0001
            d: LPUSH k 1
            d: LRANGE k 0 -1
            """,
        ["nothing waits in a transaction or a script"] = """
            d: MULTI
            d: BLPOP k 0
            d: BLMOVE k l LEFT LEFT 0
            d: BLMPOP 0 1 k LEFT
            d: BZPOPMIN k 0
            d: BZMPOP 0 1 k MIN
            d: BRPOPLPUSH k l 0
            d: EXEC
            d: EVAL "return redis.call('blmpop', 0, 1, 'k', 'left')" 0
            d: EVAL "return redis.pcall('blpop', 'k', 0)" 0
            """,
        ["what was sent behind waits"] = """
            a> BLPOP k 0 ; SET x 1 ; BLPOP l 0 ; GET x ; ECHO end
            d: EXISTS x
            d: LPUSH k 1
            a<
            a<
            d: LPUSH l 2
            a<
            a<
            a<
            """,
        ["unblocked by another"] = """
            a> BLPOP k 0 ; PING
            d: CLIENT UNBLOCK $a
            a<
            a<
            a> BLMOVE k l LEFT LEFT 0
            d: CLIENT UNBLOCK $a TIMEOUT
            a<
            a> BZPOPMIN k 0
            d: CLIENT UNBLOCK $a ERROR
            a<
            d: CLIENT UNBLOCK $a ERROR
            d: CLIENT UNBLOCK 123456
            d: CLIENT UNBLOCK x
            d: CLIENT UNBLOCK 1 FOO
            d: CLIENT UNBLOCK 1 ERROR more
            d: LPUSH k 1
            d: LRANGE k 0 -1
            """,
        ["one that went away is forgotten"] = """
            a> BLPOP k 0
            b> BLPOP k 0
            a.
            d: LPUSH k 1
            b<
            """,
        ["a key named twice"] = """
            a> BLPOP k k 0
            b> BLPOP k 0
            d: LPUSH k 1
            a<
            d: LPUSH k 2
            b<
            d: EXISTS k
            """,
        ["a key that expires at once"] = """
            a> BLPOP k 0.3
            d: MULTI
            d: LPUSH k 1
            d: PEXPIREAT k 1
            d: EXEC
            a<
            """,
        ["mistakes"] = """
            d: BLPOP k
            d: BLPOP k abc
            d: BLPOP k -1
            d: BLPOP k inf
            d: BLPOP k 0x7FFFFFFFFFFFFF
            d: BLPOP k nan
            d: BLMOVE a b LEFT x 0
            d: BLMOVE a b LEFT RIGHT x
            d: BLMPOP x 1 a LEFT
            d: BLMPOP -1 1 a LEFT
            d: BLMPOP 0.01 0 a LEFT
            d: BLMPOP 0.01 2 a LEFT
            d: BLMPOP 0.01 1 a LEFT COUNT 0
            d: BLMPOP 0.01 1 a LEFT COUNT 1 COUNT 2
            d: BLMPOP 0.01 1 a BOTH
            d: BZMPOP 0.01 1 a LEFT
            d: BZMPOP 0 -1 a MIN
            d: BZPOPMIN k x
            d: BRPOPLPUSH k l x
            d: ZMPOP 0 k MIN
            d: ZMPOP 1 k BOTH
            d: COMMAND GETKEYS BLMPOP 0 2 a b LEFT
            d: COMMAND GETKEYS BLPOP a b c 0
            d: COMMAND GETKEYS BLMOVE a b LEFT LEFT 0
            """,
    };

    [Theory]
    [MemberData(nameof(Conversations))]
    public void Clients_that_wait_hear_what_they_hear_of_redis(string name, bool resp3)
    {
        pair.Compare(server => Conversation.Of(server, resp3, s_conversations[name]));
    }

    [Fact]
    public void A_key_that_goes_with_its_large_collection_is_told_of_as_any_other_that_expires()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no entries apart from keys.");
        using RunningServer server = new(ServerProgram.KvStore(TestServer.KvStorePath, "--size", "64M",
            "--enable-debug-command", "yes", "--notify-keyspace-events", "Ex"));
        using var control = new TextClient(server.Process.TcpEndPoint);
        using var listener = new TextClient(server.Process.TcpEndPoint);
        using var waiter = new TextClient(server.Process.TcpEndPoint);
        control.Call("DEBUG", "SET-ACTIVE-EXPIRE", "0"); // The sweep is off; the freeing of entries is not.
        listener.Call("SUBSCRIBE", "__keyevent@0__:expired");
        control.Call("XADD", "k", "1-1", "a", "b");
        control.Call("XGROUP", "CREATE", "k", "g", "$");
        waiter.Send("*9\r\n$10\r\nXREADGROUP\r\n$5\r\nGROUP\r\n$1\r\ng\r\n$1\r\nc\r\n$5\r\nBLOCK\r\n"u8
            .ToArray().Concat("$1\r\n0\r\n$7\r\nSTREAMS\r\n$1\r\nk\r\n$1\r\n>\r\n"u8.ToArray()).ToArray());
        AwaitBlocked(control, 1);

        control.Call("PEXPIRE", "k", "50");

        Assert.Equal("-UNBLOCKED the stream key no longer exists\r\n", waiter.Receive());
        Assert.EndsWith("$22\r\n__keyevent@0__:expired\r\n$1\r\nk\r\n", listener.Receive(), StringComparison.Ordinal);
        Assert.Equal(1, control.Info("stats", "expired_keys"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_thousand_who_wait_for_one_key_are_served_in_order_and_cost_no_more_each()
    {
        using RunningServer server = TestServer.Start("64M");
        using var control = new TextClient(server.Process.TcpEndPoint);
        TextClient[] waiters = [.. Enumerable.Range(0, Many).Select(_ => new TextClient(server.Process.TcpEndPoint))];
        try
        {
            for (int i = 0; i < Many; i++)
            {
                waiters[i].Send("*4\r\n$5\r\nBLPOP\r\n$5\r\nempty\r\n$1\r\nk\r\n$4\r\n1000\r\n"u8);
                AwaitBlocked(control, i + 1);
            }

            var watch = Stopwatch.StartNew();
            for (int i = 0; i < Many; i++)
            {
                control.Call("RPUSH", "k", i.ToString(CultureInfo.InvariantCulture));
            }

            for (int i = 0; i < Many; i++)
            {
                string text = i.ToString(CultureInfo.InvariantCulture);
                Assert.Equal($"*2\r\n$1\r\nk\r\n${text.Length}\r\n{text}\r\n", waiters[i].Receive());
            }

            Assert.True(watch.Elapsed < Patience.Limit / 2, $"a thousand took {watch.Elapsed}");
            Assert.Equal(0, control.Info("clients", "blocked_clients"));
            Assert.Equal(":0\r\n", control.Call("EXISTS", "k"));
        }
        finally
        {
            Array.ForEach(waiters, it => it.Dispose());
        }
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_time_to_wait_is_kept_to_some_milliseconds()
    {
        using RunningServer server = TestServer.Start("64M");
        using var client = new TextClient(server.Process.TcpEndPoint);
        client.Call("PING");
        foreach (int milliseconds in new[] { 20, 250, 1100 })
        {
            // A busy machine makes some of them late, not all.
            long[] waited = [.. Enumerable.Range(0, 5).Select(_ => Waited()).TakeWhile(it => it > milliseconds + 100)];
            Assert.True(waited.Length < 5, $"{milliseconds} ms lasted {string.Join(", ", waited)}");

            long Waited()
            {
                var watch = Stopwatch.StartNew();
                Assert.Equal(
                    "*-1\r\n",
                    client.Call("BLPOP", "k", (milliseconds / 1000.0).ToString(CultureInfo.InvariantCulture)));
                Assert.True(watch.ElapsedMilliseconds >= milliseconds);
                return watch.ElapsedMilliseconds;
            }
        }
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(false)]
    [InlineData(true)]
    public void A_restart_closes_those_who_wait_and_keeps_the_keys(bool killed)
    {
        using RunningServer server = TestServer.Start("64M");
        using var waiter = new TextClient(server.Process.TcpEndPoint);
        using (var control = new TextClient(server.Process.TcpEndPoint))
        {
            control.Call("RPUSH", "other", "1");
            waiter.Send("*3\r\n$5\r\nBLPOP\r\n$1\r\nk\r\n$1\r\n0\r\n"u8);
            AwaitBlocked(control, 1);
        }

        if (killed)
        {
            server.Process.Kill();
        }
        else
        {
            server.Process.Terminate();
        }

        Assert.Equal("(closed)", waiter.Receive());
        server.Restart();
        using var again = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal(0, again.Info("clients", "blocked_clients"));
        again.Call("RPUSH", "k", "2");
        Assert.Equal("*1\r\n$1\r\n2\r\n", again.Call("LRANGE", "k", "0", "-1"));
        Assert.Equal("*1\r\n$1\r\n1\r\n", again.Call("LRANGE", "other", "0", "-1"));
    }

    [Fact]
    public void What_waits_counts_to_the_limit_of_all_input()
    {
        Assert.SkipWhen(TestServer.IsRedis, "The limit is KvStore's.");
        using RunningServer server =
            new(ServerProgram.KvStore(TestServer.Path, "--size", "64M", "--client-input-total-limit", "16m"));
        using var control = new TextClient(server.Process.TcpEndPoint);
        List<TextClient> waiters = [];
        string key = new('k', 60_000);
        for (int i = 0; i < 40; i++)
        {
            var waiter = new TextClient(server.Process.TcpEndPoint);
            waiters.Add(waiter);
            string keys = string.Concat(Enumerable.Range(10, 10).Select(n => $"$60002\r\n{key}{n}\r\n"));
            waiter.Send(System.Text.Encoding.ASCII.GetBytes($"*12\r\n$5\r\nBLPOP\r\n{keys}$1\r\n0\r\n"));
        }

        Assert.True(SpinWait.SpinUntil(
            () => control.Info("stats", "client_query_buffer_limit_disconnections") > 0, Patience.Limit));
        Assert.InRange(control.Info("clients", "blocked_clients"), 1, 39);
        waiters.ForEach(it => it.Dispose());
        server.AssertServes();
    }

    private static void AwaitBlocked(TextClient control, int count) =>
        Assert.True(SpinWait.SpinUntil(
            () => control.Info("clients", "blocked_clients") == count, Patience.Limit));
}
