using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>CLIENT: what it does to connections, and what clients with caches hear, as in redis-server.</summary>
public sealed class ClientCommandTests(ServerPair pair) : IClassFixture<ServerPair>
{
    private static readonly Dictionary<string, string> s_conversations = new(StringComparer.Ordinal)
    {
        ["mistakes"] = """
            d: CLIENT KILL
            d: CLIENT KILL 1.2.3.4:5
            d: CLIENT KILL ID x
            d: CLIENT KILL ID 0
            d: CLIENT KILL ID 999999
            d: CLIENT KILL TYPE foo
            d: CLIENT KILL USER nobody
            d: CLIENT KILL SKIPME maybe
            d: CLIENT KILL foo bar
            d: CLIENT KILL ID 1 ADDR
            d: CLIENT KILL ADDR a:1 LADDR b:1 SKIPME yes TYPE normal USER default
            d: CLIENT KILL TYPE master
            d: CLIENT PAUSE
            d: CLIENT PAUSE abc
            d: CLIENT PAUSE -1
            d: CLIENT PAUSE 10 foo
            d: CLIENT PAUSE 1 ALL x
            d: CLIENT REPLY foo
            d: CLIENT NO-EVICT foo
            d: CLIENT NO-EVICT on
            d: CLIENT LIST TYPE foo
            d: CLIENT LIST ID
            d: CLIENT LIST ID x
            d: CLIENT LIST foo
            d: CLIENT LIST TYPE pubsub
            d: CLIENT LIST ID 100001 100002
            d: CLIENT TRACKING foo
            d: CLIENT TRACKING on REDIRECT
            d: CLIENT TRACKING on REDIRECT 12345
            d: CLIENT TRACKING on REDIRECT x
            d: CLIENT TRACKING on PREFIX a
            d: CLIENT TRACKING on BCAST PREFIX a PREFIX ab
            d: CLIENT TRACKING on OPTIN OPTOUT
            d: CLIENT TRACKING on BCAST OPTIN
            d: CLIENT CACHING yes
            d: CLIENT TRACKINGINFO
            d: CLIENT GETREDIR
            d: CLIENT FOO
            """,
        ["switches of tracking"] = """
            a: CLIENT TRACKING on BCAST PREFIX foo PREFIX bar NOLOOP
            a: CLIENT TRACKINGINFO
            a: CLIENT GETREDIR
            a: CLIENT TRACKING on OPTIN
            a: CLIENT CACHING yes
            a: CLIENT CACHING no
            a: CLIENT TRACKING off
            a: CLIENT TRACKING on OPTOUT
            a: CLIENT CACHING yes
            a: CLIENT CACHING no
            a: CLIENT TRACKINGINFO
            a: GET x
            a: CLIENT TRACKINGINFO
            a: CLIENT TRACKING on OPTIN
            a: CLIENT TRACKING off
            a: CLIENT TRACKING on BCAST PREFIX foo
            a: CLIENT TRACKING on BCAST PREFIX foo
            a: CLIENT TRACKING on BCAST PREFIX fooo
            a: CLIENT TRACKINGINFO
            a: CLIENT TRACKING on
            a: RESET
            a: CLIENT TRACKINGINFO
            """,
        ["replies that are not wanted"] = """
            a: PING
            a, CLIENT REPLY OFF ; SET x 1 ; GET x ; NOSUCH ; CLIENT REPLY ON ; GET x
            a<
            a<
            a, CLIENT REPLY SKIP ; GET x ; ECHO heard
            a<
            a, CLIENT REPLY SKIP ; CLIENT REPLY SKIP ; GET x ; ECHO again
            a<
            a, CLIENT REPLY SKIP ; MULTI ; GET x ; EXEC
            a<
            a<
            """,
        ["messages where no replies are wanted"] = """
            a, CLIENT REPLY OFF ; SUBSCRIBE ch ; PSUBSCRIBE c*
            a<
            a<
            d: PUBLISH ch hello
            a<
            a<
            a, UNSUBSCRIBE ch ; PUNSUBSCRIBE ; UNSUBSCRIBE
            a<
            a<
            a<
            a, CLIENT REPLY SKIP ; SSUBSCRIBE s
            a<
            """,
        ["a kill"] = """
            a: CLIENT SETNAME one
            b: SUBSCRIBE c
            d: CLIENT KILL ID $a
            a<
            d: CLIENT KILL TYPE pubsub
            b<
            d: CLIENT KILL ID $d
            d: CLIENT KILL ID $d SKIPME no
            d<
            e> BLPOP k 0
            f: CLIENT KILL ID $e
            e<
            f: LPUSH k 1
            f: LLEN k
            """,
        ["a pause of writes"] = """
            d: SET x 1
            d: MULTI
            d: SET y 1
            a: CLIENT PAUSE 60000 WRITE
            d> EXEC
            b: GET x
            b> SET x 2 ; GET x
            c> EVAL "return 1" 0
            e> PUBLISH c m
            a: CLIENT UNPAUSE
            b<
            b<
            c<
            d<
            e<
            """,
        ["a pause that ends by itself"] = """
            a: CLIENT PAUSE 300 ALL
            b, PING ; ECHO more
            b<
            b<
            a: PING
            """,
        ["a blocked client in a pause"] = """
            b> BLPOP k 0
            a: CLIENT PAUSE 60000 WRITE
            c> LPUSH k 1
            a: CLIENT UNPAUSE
            c<
            b<
            """,
    };

    /// <summary>Those of RESP3 only.</summary>
    private static readonly Dictionary<string, string> s_pushes = new(StringComparer.Ordinal)
    {
        ["a key that was read"] = """
            d: SET x 1
            a: CLIENT TRACKING on
            a: GET x
            d: SET x 2
            a<
            d: SET x 3
            a: PING
            a: MGET x y z
            d: DEL y x
            a<
            d: MSET y 1 z 2
            a<
            a<
            a: GET x
            a: SET x 5
            a<
            a: PING
            """,
        ["its own changes"] = """
            a: CLIENT TRACKING on NOLOOP
            a: GET x
            a: SET x 1
            a: GET x
            d: SET x 2
            a<
            a: PING
            """,
        ["transactions and scripts"] = """
            a: CLIENT TRACKING on
            a: MULTI
            a: GET x
            a: SET x 1
            a: INCR y
            a: EXEC
            a<
            a: EVAL "return redis.call('get', 'z')" 1 z
            d: EVAL "return redis.call('set', 'z', '1')" 1 z
            a<
            a: PING
            """,
        ["opt in and out"] = """
            a: CLIENT TRACKING on OPTIN
            a: GET x
            a: CLIENT CACHING yes
            a: GET y
            a: GET z
            d: MSET x 1 y 2 z 3
            a<
            a: PING
            a: CLIENT CACHING yes
            a: MULTI
            a: GET x
            a: GET y
            a: EXEC
            d: SET x 4
            a<
            d: SET y 4
            a<
            a: CLIENT TRACKING off
            a: CLIENT TRACKING on OPTOUT
            a: CLIENT CACHING no
            a: GET x
            a: GET y
            d: MSET x 5 y 6
            a<
            a: PING
            """,
        ["prefixes"] = """
            a: CLIENT TRACKING on BCAST PREFIX user: PREFIX item:
            b: CLIENT TRACKING on BCAST NOLOOP
            d: SET user:1 x
            a<
            b<
            d: MSET item:2 x item:1 y
            a<
            b<
            d: SET other 1
            b<
            b: SET user:1 y
            a<
            b: PING
            a: SET user:1 z
            a<
            b<
            """,
        ["another who hears"] = """
            a: CLIENT TRACKING on REDIRECT $a
            b: PING
            c: CLIENT TRACKING on REDIRECT $b
            c: GET x
            d: SET x 1
            b<
            c: CLIENT TRACKINGINFO
            c: GET x
            b.
            d: SET x 2
            c<
            c: CLIENT TRACKINGINFO
            """,
        ["all keys go"] = """
            a: CLIENT TRACKING on
            b: CLIENT TRACKING on BCAST
            a: GET x
            d: FLUSHALL
            a<
            b<
            a: FLUSHALL
            a<
            b<
            a: PING
            """,
        ["a key that expires"] = """
            d: SET x 1 PX 600
            a: CLIENT TRACKING on
            a: GET x
            a<
            a: GET x
            """,
        ["a key of a prefix that expires"] = """
            a: CLIENT TRACKING on BCAST NOLOOP
            d: SET x 1 PX 100
            a<
            a<
            a: SET y 1 PX 100
            a<
            """,
        ["collections"] = """
            a: CLIENT TRACKING on
            a: HGETALL h
            a: LRANGE l 0 -1
            a: ZCARD z
            a: SINTER s t
            d: HSET h f v
            a<
            d: RPUSH l 1
            a<
            d: ZADD z 1 m
            a<
            d: SADD t 1
            a<
            d: EXPIRE h 100
            a: HGETALL h
            d: EXPIRE h 200
            a<
            d: RENAME h l
            """,
        ["who waits is served"] = """
            a: CLIENT TRACKING on
            a: LLEN k
            a> BLPOP k 0
            d: RPUSH k 1 2
            a<
            a<
            a: LLEN k
            d: LPOP k
            a<
            """,
        ["a channel in RESP2"] = """
            e: RESET
            e: SUBSCRIBE __redis__:invalidate
            a: CLIENT TRACKING on REDIRECT $e
            a: GET x
            d: SET x 1
            e<
            a: MGET x y
            d: FLUSHALL
            e<
            """,
    };

    public static TheoryData<string, bool> Conversations() =>
        Conversation.Each(s_conversations.Keys, s_pushes.Keys);

    [Theory]
    [MemberData(nameof(Conversations))]
    public void Clients_hear_what_they_hear_of_redis(string name, bool resp3)
    {
        string lines = s_conversations.GetValueOrDefault(name) ?? s_pushes[name];

        pair.Compare(server => Conversation.Of(server, resp3, lines));
    }

    [Fact]
    public void The_list_shows_what_redis_shows()
    {
        using RunningServer redis = new(ServerProgram.Redis(Tool.Require("redis-server")));
        using RunningServer own = TestServer.Start("64M");

        string[] expected = Fields(redis);
        string[] actual = Fields(own);

        Assert.Empty(expected.Except(actual));
    }

    [Fact]
    public void Keys_that_are_remembered_are_bounded_and_their_readers_are_told()
    {
        Assert.SkipWhen(TestServer.IsRedis, "Which key goes first is KvStore's.");
        using RunningServer server = TestServer.Start("64M");
        using var client = new TextClient(server.Process.TcpEndPoint);
        client.Call("HELLO", "3");
        client.Call("CONFIG", "SET", "tracking-table-max-keys", "2");
        client.Call("CLIENT", "TRACKING", "on");
        client.Call("GET", "a");
        client.Call("GET", "b");

        client.Call("GET", "c");

        Assert.Equal(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n", client.Receive());
        Assert.Equal(2, client.Info("stats", "tracking_total_keys"));
        client.Call("CLIENT", "TRACKING", "off");
        Assert.Equal(0, client.Info("stats", "tracking_total_keys"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_client_older_than_that_is_killed()
    {
        using RunningServer server = TestServer.Start("64M");
        using var old = new TextClient(server.Process.TcpEndPoint);
        old.Call("PING");
        Thread.Sleep(2100);
        using var young = new TextClient(server.Process.TcpEndPoint);

        Assert.Equal(":1\r\n", young.Call("CLIENT", "KILL", "MAXAGE", "2"));

        Assert.Equal("(closed)", old.Receive());
        Assert.Equal("+PONG\r\n", young.Call("PING"));
    }

    private static string[] Fields(RunningServer server)
    {
        using var client = new TextClient(server.Process.TcpEndPoint);
        string list = client.Call("CLIENT", "LIST").Split("\r\n")[1];
        return [.. list.Split(' ').Select(field => field.Split('=')[0].Trim())];
    }
}
