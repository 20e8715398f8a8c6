using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>
/// Random commands on collections, to KvStore and to redis-server: the same replies, through SIGKILL and a restart of
/// KvStore too. Limits are low, so that collections grow out of their records all the time.
/// </summary>
public sealed class CollectionDifferentialTests(ITestOutputHelper output)
{
    private const int Steps = 4_500;
    private const int StepsBetweenKills = 1_500;

    [Theory]
    [Trait("speed", "slow")]
    [InlineData("hash", false, 1)]
    [InlineData("hash", true, 2)]
    [InlineData("set", false, 3)]
    [InlineData("set", true, 4)]
    [InlineData("list", false, 5)]
    [InlineData("list", true, 6)]
    [InlineData("sorted set", false, 7)]
    [InlineData("sorted set", true, 8)]
    [InlineData("stream", true, 11)]
    [InlineData("geo", false, 12)]
    [InlineData("geo", true, 13)]
    [InlineData("hyperloglog", true, 14)]
    [InlineData("databases", false, 9)]
    [InlineData("databases", true, 10)]
    public void Random_commands_answer_as_redis_does(string type, bool resp3, int seed)
    {
        output.WriteLine($"seed {seed}");
        using RunningServer redis = new(ServerProgram.Redis(Tool.Require("redis-server")));
        using RunningServer own = TestServer.Start("128M");
        using TextClient expected = Connect(redis, resp3);
        TextClient actual = Connect(own, resp3);
        try
        {
            CollectionCommands commands = new(type, new Random(seed));
            var trail = new Queue<string>();
            for (int step = 0; step < Steps; step++)
            {
                string[] args = commands.Next();
                trail.Enqueue(string.Join(' ', args));
                if (trail.Count > 12)
                {
                    trail.Dequeue();
                }

                string want = CollectionCommands.Normalize(args, expected.Call(args));
                string got = CollectionCommands.Normalize(args, actual.Call(args));
                Assert.True(
                    want == got,
                    $"seed {seed}, step {step}: {string.Join("\n", trail)}\nredis {Show(want)}\nown   {Show(got)}");
                if (step % StepsBetweenKills == StepsBetweenKills - 1)
                {
                    expected.Call("DISCARD"); // what was queued, and what was watched, dies with the connection
                    expected.Call("UNWATCH");
                    actual.Dispose();
                    own.Process.Kill();
                    own.Restart();
                    actual = Connect(own, resp3);
                    Assert.Equal("+OK\r\n", expected.Call("SELECT", "0")); // where a new connection is
                    AssertSameContents(commands, expected, actual);
                }
            }

            actual.Call("DISCARD");
            AssertNothingLeft(own, actual);
        }
        finally
        {
            actual.Dispose();
        }
    }

    /// <summary>What collections took is free again once they are gone.</summary>
    private static void AssertNothingLeft(RunningServer own, TextClient client)
    {
        Assert.Equal("+OK\r\n", client.Call("FLUSHALL"));
        for (int tries = 0; tries < 200; tries++)
        {
            string facts = client.Call("INFO", "memory");
            if (facts.Contains("nested_entries:0\r\n", StringComparison.Ordinal))
            {
                return;
            }

            Thread.Sleep(50);
        }

        Assert.Fail($"Entries are left over at {own.DataDirectory}: {client.Call("INFO", "memory")}");
    }

    private static TextClient Connect(RunningServer server, bool resp3)
    {
        TextClient client = new(server.Process.TcpEndPoint);
        if (resp3)
        {
            Assert.StartsWith("%7\r\n", client.Call("HELLO", "3"), StringComparison.Ordinal);
        }

        foreach ((string name, string value) in CollectionCommands.Limits)
        {
            Assert.Equal("+OK\r\n", client.Call("CONFIG", "SET", name, value));
        }

        client.Call("CONFIG", "SET", "list-max-listpack-size", "6");
        client.Call("CONFIG", "SET", "set-max-listpack-entries", "7"); // redis 7.0 has no such setting

        return client;
    }

    private static string Show(string reply) => reply.Replace("\r\n", "|", StringComparison.Ordinal);

    private static void AssertSameContents(CollectionCommands commands, TextClient expected, TextClient actual)
    {
        foreach (string[] args in commands.Contents())
        {
            string want = CollectionCommands.Normalize(args, expected.Call(args));
            string got = CollectionCommands.Normalize(args, actual.Call(args));
            Assert.True(
                want == got, $"after a restart, {string.Join(' ', args)}\nredis {Show(want)}\nown   {Show(got)}");
        }
    }
}

/// <summary>Random commands on a few keys, elements and numbers.</summary>
internal sealed partial class CollectionCommands(string type, Random random)
{
    private const int Databases = 4;

    private static readonly HashSet<string> s_unordered = new(StringComparer.Ordinal)
    {
        "HGETALL", "HKEYS", "HVALS", "SMEMBERS", "SINTER", "SUNION", "SDIFF", "HSCAN", "SSCAN", "ZSCAN",
    };

    private static readonly string[] s_hash =
    [
        "HSET k f v", "HSET k f v f v", "HSET k f v f v f v", "HSET k f", "HSET k f v f", "HMSET k f v f v",
        "HSETNX k f v", "HGET k f", "HGET k f", "HMGET k f f f", "HGETALL k", "HGETALL k", "HKEYS k", "HVALS k",
        "HLEN k", "HSTRLEN k f", "HEXISTS k f", "HDEL k f", "HDEL k f", "HDEL k f f f f", "HINCRBY k f n",
        "HINCRBYFLOAT k f n", "HINCRBY k f x", "HINCRBYFLOAT k f d", "HRANDFIELD k 100",
        "HRANDFIELD k 100 WITHVALUES", "HRANDFIELD k -3 WITHVALUES", "HRANDFIELD k 0", "HRANDFIELD k x",
        "HRANDFIELD k", "HSCAN k 0 COUNT 1000", "HSCAN k 0 COUNT 1000 MATCH f1*", "HSCAN k abc", "HSCAN k 0 BOGUS",
        "OBJECT ENCODING k",
    ];

    private static readonly string[] s_set =
    [
        "SADD k m", "SADD k m m m", "SADD k m m m m m m", "SREM k m", "SREM k m m m", "SISMEMBER k m",
        "SMISMEMBER k m m m", "SMEMBERS k", "SCARD k", "SPOP k 1000", "SPOP k 0", "SPOP k -1", "SPOP absent",
        "SPOP k 1 2", "SRANDMEMBER k", "SRANDMEMBER k 1000", "SRANDMEMBER k -4", "SRANDMEMBER k 0", "SRANDMEMBER k x",
        "SMOVE k k m", "SMOVE k k m", "SINTER k k", "SINTER k k k", "SUNION k k", "SUNION k", "SDIFF k k",
        "SDIFF k k k", "SINTERSTORE k k k", "SUNIONSTORE k k k", "SDIFFSTORE k k k", "SINTERCARD 2 k k",
        "SINTERCARD 2 k k LIMIT 1", "SINTERCARD 0 k", "SINTERCARD 3 k k", "SINTERCARD 1 k BOGUS",
        "SINTERCARD 1 k LIMIT -1", "SINTERCARD x k", "SSCAN k 0 COUNT 1000", "SSCAN k 0 MATCH m1* COUNT 1000",
        "COMMAND GETKEYS SINTERCARD 2 k k", "COMMAND GETKEYS SUNIONSTORE k k k", "SORT k ALPHA", "SORT k",
        "SORT k ALPHA DESC LIMIT 1 3", "SORT_RO k BY nosort ALPHA LIMIT 0 0", "SORT k BY nosort STORE k",
    ];

    private static readonly string[] s_list =
    [
        "LPUSH k m", "RPUSH k m", "LPUSH k m m m", "RPUSH k m m v", "LPUSHX k m", "RPUSHX k m m", "LPOP k", "RPOP k",
        "LPOP k 2", "RPOP k 3", "LPOP k 0", "LPOP k -1", "LPOP k 1 2", "LLEN k", "LINDEX k i", "LINDEX k x",
        "LINDEX k -1", "LRANGE k 0 -1", "LRANGE k i i", "LRANGE k x 1", "LSET k i v", "LSET k i m", "LSET k x m",
        "LINSERT k BEFORE m m", "LINSERT k AFTER m m", "LINSERT k BOGUS m m", "LINSERT k BEFORE m v", "LREM k 0 m",
        "LREM k 1 m", "LREM k -1 m", "LREM k -2 m", "LREM k x m", "LTRIM k 0 12", "LTRIM k 1 -1", "LTRIM k 0 -2",
        "LTRIM k i i", "LPOS k m", "LPOS k m RANK 2", "LPOS k m RANK -1", "LPOS k m COUNT 0",
        "LPOS k m RANK -1 COUNT 2", "LPOS k m MAXLEN 3", "LPOS k m RANK -1 COUNT 0 MAXLEN 4", "LPOS k m RANK 0",
        "LPOS k m COUNT -1", "LPOS k m BOGUS", "LPOS k m RANK", "LMOVE k k LEFT RIGHT", "LMOVE k k RIGHT LEFT",
        "LMOVE k k LEFT LEFT", "LMOVE k k BOGUS LEFT", "RPOPLPUSH k k", "LMPOP 1 k LEFT", "LMPOP 2 k k RIGHT COUNT 2",
        "LMPOP 2 k k", "LMPOP 0 k LEFT", "LMPOP 3 k k LEFT", "LMPOP 1 k LEFT COUNT 0", "LMPOP 1 k LEFT BOGUS 1",
        "COMMAND GETKEYS LMPOP 2 k k LEFT", "OBJECT ENCODING k", "SORT k", "SORT k ALPHA", "SORT k DESC LIMIT i i",
        "SORT k ALPHA STORE k", "SORT k ALPHA LIMIT i 3 STORE k", "SORT k BY nosort GET # GET k* GET k*->f1",
        "SORT k BY nosort DESC LIMIT 2 2", "SORT_RO k ALPHA DESC", "SORT_RO k STORE k", "SORT k ALPHA GET ke* STORE k",
        "COMMAND GETKEYS SORT k BY x* LIMIT 0 1 STORE k GET # STORE k", "SORT k LIMIT x 1", "SORT k BOGUS",
    ];

    private static readonly string[] s_sortedSet =
    [
        "ZADD k n m", "ZADD k n m n m n m", "ZADD k w m w m w m w m", "ZADD k NX w m", "ZADD k XX w m w m",
        "ZADD k GT CH w m w m", "ZADD k LT CH w m", "ZADD k INCR w m", "ZADD k XX INCR w m", "ZADD k NX INCR w m",
        "ZADD k NX XX 1 m", "ZADD k GT LT 1 m", "ZADD k INCR 1 m 2 m", "ZADD k 1", "ZADD k d m", "ZADD k 1 m x m",
        "ZINCRBY k w m", "ZINCRBY k x m", "ZREM k m", "ZREM k m m m", "ZCARD k", "ZSCORE k m", "ZMSCORE k m m m",
        "ZRANK k m", "ZREVRANK k m", "ZPOPMIN k", "ZPOPMAX k", "ZPOPMIN k 2", "ZPOPMAX k 3", "ZPOPMIN k 0",
        "ZPOPMAX k -1", "ZPOPMIN k x", "ZRANGE k 0 -1", "ZRANGE k 0 -1 WITHSCORES", "ZRANGE k i i WITHSCORES",
        "ZRANGE k i i REV", "ZRANGE k b b BYSCORE", "ZRANGE k b b BYSCORE REV WITHSCORES LIMIT 1 3",
        "ZADD z 0 m 0 m 0 m", "ZADD z 0 m", "ZREM z m", "ZRANGE z l l BYLEX", "ZRANGE z l l BYLEX REV LIMIT 0 2",
        "ZRANGE k 0 -1 LIMIT 0 1", "ZRANGE k - + BYLEX WITHSCORES", "ZRANGE k x 1", "ZRANGE k 0 1 BOGUS",
        "ZREVRANGE k i i WITHSCORES", "ZRANGEBYSCORE k b b", "ZRANGEBYSCORE k b b LIMIT 1 2",
        "ZRANGEBYSCORE k b b WITHSCORES LIMIT 0 -1", "ZRANGEBYSCORE k b b LIMIT -1 2",
        "ZREVRANGEBYSCORE k b b WITHSCORES", "ZRANGEBYLEX z l l", "ZREVRANGEBYLEX z l l LIMIT 1 2",
        "ZRANGEBYLEX z - +", "ZRANGEBYLEX z m m", "ZCOUNT k b b", "ZCOUNT k d 1", "ZLEXCOUNT z l l",
        "ZLEXCOUNT z - +", "ZREMRANGEBYRANK k i i", "ZREMRANGEBYSCORE k b b", "ZREMRANGEBYLEX z l l",
        "ZREMRANGEBYRANK k 0 0", "ZRANGESTORE k k 0 -1", "ZRANGESTORE k k b b BYSCORE LIMIT 0 4",
        "ZRANGESTORE k k 0 1 WITHSCORES", "OBJECT ENCODING k", "ZUNION 2 k k", "ZUNION 2 k k WITHSCORES",
        "ZUNION 3 k k k WEIGHTS 2 -1 0.5 AGGREGATE MAX WITHSCORES", "ZINTER 2 k k WITHSCORES", "ZINTER 2 k k",
        "ZINTER 2 k k WEIGHTS 2 3 AGGREGATE MIN WITHSCORES", "ZDIFF 2 k k WITHSCORES", "ZDIFF 3 k k k",
        "ZUNIONSTORE k 2 k k", "ZINTERSTORE k 2 k k WEIGHTS 1 -1", "ZDIFFSTORE k 2 k k", "ZUNIONSTORE k 1 k",
        "ZINTERSTORE k 2 k k AGGREGATE MIN", "ZUNIONSTORE k 0 k", "ZUNIONSTORE k x k", "ZINTER 3 k k",
        "ZUNION 1 k WEIGHTS d", "ZUNION 1 k WEIGHTS", "ZDIFF 1 k WEIGHTS 1", "ZUNION 1 k AGGREGATE BOGUS",
        "ZUNIONSTORE k 1 k WITHSCORES", "ZINTERCARD 2 k k", "ZINTERCARD 2 k k LIMIT 2", "ZINTERCARD 1 k LIMIT -1",
        "ZINTERCARD 1 k LIMIT", "ZSCAN k 0 COUNT 1000", "ZSCAN k 0 MATCH m1* COUNT 1000", "ZSCAN k abc",
        "ZSCAN k 0 BOGUS",
        "ZRANDMEMBER k", "ZRANDMEMBER k 1000 WITHSCORES", "ZRANDMEMBER k -4", "ZRANDMEMBER k 0", "ZRANDMEMBER k x",
        "SORT z ALPHA", "SORT z BY nosort", "SORT z BY nosort DESC LIMIT 1 3", "SORT z BY nosort LIMIT i 2 STORE k",
        "SORT_RO z ALPHA DESC LIMIT 0 4", "SORT z",
        "ZRANDMEMBER k 1 BOGUS", "COMMAND GETKEYS ZUNIONSTORE k 2 k k", "COMMAND GETKEYS ZINTER 2 k k",
    ];

    private static readonly string[] s_hyperLogLog =
    [
        "PFADD k m", "PFADD k m m m m m m", "PFADD k f v m", "PFADD k", "PFCOUNT k k", "PFCOUNT k k k k",
        "PFMERGE k k", "PFMERGE k k k", "PFMERGE k", "GET k", "GET k", "STRLEN k", "EXPIRE k 1000",
    ];

    private static readonly string[] s_geo =
    [
        "GEOADD k lo la m", "GEOADD k lo la m", "GEOADD k lo la m lo la m", "GEOADD k NX lo la m lo la m",
        "GEOADD k XX CH lo la m lo la m", "GEOADD k CH lo la m", "GEOADD k w w m", "GEOPOS k m m m", "GEOHASH k m m",
        "GEODIST k m m", "GEODIST k m m u", "GEOSEARCH k FROMLONLAT lo la BYRADIUS r u", "ZADD k w m", "ZREM k m",
        "GEOSEARCH k FROMLONLAT lo la BYRADIUS r u ASC WITHDIST", "GEOSEARCH k FROMMEMBER m BYRADIUS r u DESC",
        "GEOSEARCH k FROMLONLAT lo la BYBOX r r u WITHCOORD WITHHASH", "GEOSEARCH k FROMMEMBER m BYBOX r r u WITHDIST",
        "GEOSEARCH k FROMLONLAT lo la BYBOX r r u COUNT 3", "GEOSEARCH k FROMLONLAT lo la BYRADIUS r u COUNT 2 ANY",
        "GEOSEARCH k FROMMEMBER m BYRADIUS r u COUNT 4 DESC WITHDIST", "ZRANGE k 0 -1 WITHSCORES", "ZCARD k",
        "GEOSEARCHSTORE k k FROMLONLAT lo la BYRADIUS r u", "GEOSEARCHSTORE k k FROMMEMBER m BYBOX r r u STOREDIST",
        "GEORADIUS k lo la r u", "GEORADIUS k lo la r u WITHDIST COUNT 3 ASC", "GEORADIUS k lo la r u STORE k",
        "GEORADIUSBYMEMBER k m r u WITHHASH", "GEORADIUSBYMEMBER k m r u COUNT 5 STOREDIST k", "OBJECT ENCODING k",
        "GEORADIUS_RO k lo la r u DESC", "GEORADIUSBYMEMBER_RO k m r u ASC COUNT 1", "GEORADIUS_RO k lo la r u STORE k",
    ];

    private static readonly string[] s_stream =
    [
        "XADD k e f v", "XADD k e f v", "XADD k e f v f v", "XADD k MAXLEN 12 e f v", "XADD k MINID e e f v",
        "XADD k NOMKSTREAM e f v", "XADD k t-* f v", "XADD k e f", "XLEN k", "XRANGE k - +", "XRANGE k e e",
        "XRANGE k (e + COUNT 3", "XREVRANGE k + -", "XREVRANGE k e e COUNT 2", "XDEL k e", "XDEL k e e e",
        "XTRIM k MAXLEN 9", "XTRIM k MINID e", "XREAD STREAMS k e", "XREAD COUNT 2 STREAMS k k e e",
        "XREAD STREAMS k $", "XSETID k e", "XSETID k e ENTRIESADDED 9 MAXDELETEDID e", "XINFO STREAM k",
        "XGROUP CREATE k g 0", "XGROUP CREATE k g $ MKSTREAM", "XGROUP CREATE k g e ENTRIESREAD 3",
        "XGROUP SETID k g e", "XGROUP SETID k g $ ENTRIESREAD 5", "XGROUP DESTROY k g", "XGROUP CREATECONSUMER k g c",
        "XGROUP DELCONSUMER k g c", "XREADGROUP GROUP g c STREAMS k >", "XREADGROUP GROUP g c COUNT 2 STREAMS k >",
        "XREADGROUP GROUP g c COUNT 1 STREAMS k k > e", "XREADGROUP GROUP g c NOACK COUNT 1 STREAMS k >",
        "XREADGROUP GROUP g c STREAMS k 0", "XREADGROUP GROUP g c STREAMS k e", "XACK k g e", "XACK k g e e e",
        "XPENDING k g", "XPENDING k g - + 20", "XPENDING k g e + 2 c", "XPENDING k g IDLE 900000000 - + 9",
        "XCLAIM k g c 0 e e", "XCLAIM k g c 0 e FORCE JUSTID", "XCLAIM k g c 900000000 e",
        "XCLAIM k g c 0 e e FORCE IDLE 500000 RETRYCOUNT 3 LASTID e", "XAUTOCLAIM k g c 0 0 COUNT 2",
        "XAUTOCLAIM k g c 0 e JUSTID", "XAUTOCLAIM k g c 900000000 0", "XINFO STREAM k FULL",
        "XINFO STREAM k FULL COUNT 2", "XINFO GROUPS k", "XINFO CONSUMERS k g", "OBJECT ENCODING k",
    ];

    private static readonly string[] s_common =
    [
        "DEL k", "DEL k k", "TYPE k", "EXISTS k k", "RENAME k k", "RENAMENX k k", "COPY k k", "COPY k k REPLACE",
        "SET s v", "SET k v", "GET k", "APPEND k x", "INCR k", "STRLEN k", "GETSET k v", "MSET s v s v", "MGET k k s",
        "LCS k s", "LCS k k LEN", "LCS k s IDX WITHMATCHLEN", "LCS s s IDX MINMATCHLEN 2", "LCS k s IDX LEN",
        "BITFIELD k SET u4 3 9 GET i7 1 INCRBY i5 #1 11", "BITFIELD k OVERFLOW SAT INCRBY i8 0 100 INCRBY u3 5 -2",
        "BITFIELD k OVERFLOW FAIL INCRBY i3 2 n SET u2 0 7 GET u9 4", "BITFIELD_RO k GET u8 #0 GET i64 1",
        "BITFIELD s", "BITFIELD_RO k SET u4 0 1",
        "SETNX k v", "EXPIRE k 1000", "EXPIRE k -1", "PERSIST k", "TTL k", "SETRANGE k 0 x", "GETRANGE k 0 1",
        "GETDEL s", "DBSIZE", "MULTI", "EXEC", "DISCARD", "UNLINK k",
    ];

    private static readonly string[] s_databases =
    [
        "SELECT db", "SELECT db", "SELECT db", "SELECT db", "SELECT 16", "SELECT x", "MOVE k db", "MOVE k db",
        "MOVE k db", "MOVE k db", "MOVE k 99", "MOVE k x", "SWAPDB db db", "SWAPDB db db", "SWAPDB 1 x", "SWAPDB x 1",
        "SWAPDB 1 -1", "COPY k k DB db", "COPY k k DB db REPLACE", "COPY k k REPLACE DB db", "COPY k k DB",
        "COPY k k DB 16", "COPY k k DB x", "DBSIZE", "INFO keyspace", "RANDOMKEY", "FLUSHDB", "EXPIRE k 1000",
        "PERSIST k", "WATCH k", "UNWATCH", "MULTI", "EXEC", "TYPE k", "KEYS key0", "EXISTS k k k",
    ];

    /// <summary>Settings of both servers.</summary>
    public static IEnumerable<(string Name, string Value)> Limits =>
    [
        ("hash-max-listpack-entries", "8"),
        ("hash-max-listpack-value", "20"),
        ("set-max-intset-entries", "6"),
        ("zset-max-listpack-entries", "7"),
        ("zset-max-listpack-value", "20"),
    ];

    public string[] Next()
    {
        string[] own = type switch
        {
            "hash" => s_hash,
            "set" => s_set,
            "list" => s_list,
            "sorted set" => s_sortedSet,
            "stream" => s_stream,
            "geo" => s_geo,
            "hyperloglog" => s_hyperLogLog,
            "databases" => random.Next(7) switch
            {
                0 => s_hash,
                1 => s_set,
                2 => s_list,
                3 => s_sortedSet,
                4 => s_stream,
                _ => s_databases,
            },
            _ => throw new ArgumentOutOfRangeException(type),
        };
        string[] from = random.Next(8) == 0 ? s_common : own;
        string[] words = [.. from[random.Next(from.Length)].Split(' ').Select(Word)];

        // SORT leaves redis's sorted sets large for good, so that in a mix their encodings are not the same.
        return type == "databases" && words[0] == "OBJECT" ? Next() : words;
    }

    /// <summary>What shows all that is there.</summary>
    public IEnumerable<string[]> Contents() =>
    [
        .. Enumerable.Range(1, Databases - 1).SelectMany(database =>
            ContentsOfOne().Prepend(["SELECT", $"{database}"])),
        ["SELECT", "0"],
        .. ContentsOfOne(),
    ];

    private static IEnumerable<string[]> ContentsOfOne()
    {
        yield return ["DBSIZE"];
        for (int i = 0; i < 6; i++)
        {
            yield return ["TYPE", $"key{i}"];
            yield return ["GET", $"key{i}"];
            yield return ["PERSIST", $"key{i}"];
            yield return ["HGETALL", $"key{i}"];
            yield return ["HLEN", $"key{i}"];
            yield return ["SMEMBERS", $"key{i}"];
            yield return ["SCARD", $"key{i}"];
            yield return ["LRANGE", $"key{i}", "0", "-1"];
            yield return ["LLEN", $"key{i}"];
            yield return ["ZRANGE", $"key{i}", "0", "-1", "WITHSCORES"];
            yield return ["ZREVRANGE", $"key{i}", "0", "-1", "WITHSCORES"];
            yield return ["ZCARD", $"key{i}"];
            yield return ["XINFO", "STREAM", $"key{i}", "FULL", "COUNT", "0"];
            yield return ["XREVRANGE", $"key{i}", "+", "-"];
        }
    }

    /// <summary>A reply without what no order is promised of, or what is random.</summary>
    public static string Normalize(string[] args, string reply)
    {
        string name = args[0];
        if (name == "HRANDFIELD" && args.Length > 2 && args[2] == "100")
        {
            name = "HKEYS"; // all of them
        }

        if ((name == "SPOP" && args is [_, _, "1000"]) || (name == "SRANDMEMBER" && args is [_, _, "1000"]))
        {
            name = "SMEMBERS"; // all of them
        }

        if (name == "ZRANDMEMBER" && args is [_, _, "1000", ..])
        {
            name = "SMEMBERS"; // all of them
        }

        if (name is "HRANDFIELD" or "SRANDMEMBER" or "ZRANDMEMBER" && reply.StartsWith('$') && reply != "$-1\r\n")
        {
            return "some field";
        }

        if (name is "HRANDFIELD" or "SRANDMEMBER" or "ZRANDMEMBER" or "EXEC")
        {
            return reply.Split("\r\n")[0];
        }

        if (name == "RANDOMKEY")
        {
            return reply.StartsWith("$-1", StringComparison.Ordinal) || reply.StartsWith('_') ? "none" : "a key";
        }

        if (name[0] == 'X')
        {
            return Times().Replace(reply, "$1");
        }

        if (name == "INFO")
        {
            return AverageLife().Replace(reply, ""); // an estimate
        }

        if (reply is "$3\r\nraw\r\n" or "$3\r\nint\r\n" or "$6\r\nembstr\r\n")
        {
            return "a string"; // which of them hangs on how it came about
        }

        if (!s_unordered.Contains(name))
        {
            return reply;
        }

        string[] lines = reply.Split("\r\n");
        Array.Sort(lines, StringComparer.Ordinal);
        return string.Join("\r\n", lines);
    }

    [GeneratedRegex(@",avg_ttl=\d+|^[$=]\d+\r\n")]
    private static partial Regex AverageLife();

    /// <summary>When entries were delivered and consumers came, and how Redis keeps a stream.</summary>
    [GeneratedRegex(
        @"((?:\$\d+\r\n[^\r]*\r\n)(?=:\d+\r\n:\d+\r\n)|idle\r\n|seen-time\r\n|radix-tree-\w+\r\n):\d+\r\n")]
    private static partial Regex Times();

    private string Word(string word) => word switch
    {
        "e" => $"{random.Next(9)}-{random.Next(12)}",
        "t-*" => $"{random.Next(9)}-*",
        "(e" => $"({random.Next(9)}-{random.Next(12)}",
        "g" => $"group{random.Next(2)}",
        "c" => $"consumer{random.Next(3)}",
        "k" => $"key{random.Next(6)}",
        "lo" => random.Next(6) switch { 0 => "180", 1 => "-180", 2 => "0", _ => Degrees(180) },
        "la" => random.Next(6) switch { 0 => "85.05112878", 1 => "-85.05112878", 2 => "0", _ => Degrees(85) },
        "u" => random.Next(4) switch { 0 => "M", 1 => "km", 2 => "mi", _ => "ft" },
        "r" => $"{Math.Pow(10, random.NextDouble() * 8):F3}",
        "db" => $"{random.Next(Databases)}",
        "z" => $"lex{random.Next(2)}",
        "s" => $"key{random.Next(6)}",
        "f" => $"f{random.Next(16)}",
        "i" => random.Next(-14, 14).ToString(CultureInfo.InvariantCulture),
        "w" => random.Next(6) switch
        {
            0 => $"{random.Next(-9, 9)}.{random.Next(1000)}",
            1 => $"{random.Next(1, 9)}e{random.Next(-20, 30)}",
            2 => random.Next(2) == 0 ? "inf" : "-inf",
            _ => $"{random.Next(-3, 4)}",
        },
        "b" => random.Next(4) switch
        {
            0 => $"({random.Next(-4, 5)}",
            1 => random.Next(2) == 0 ? "-inf" : "+inf",
            _ => $"{random.Next(-5, 500)}",
        },
        "l" => random.Next(5) switch { 0 => "-", 1 => "+", 2 => $"(m{random.Next(14)}", _ => $"[m{random.Next(14)}" },
        "v" => Value(),
        "m" => random.Next(3) == 0 ? $"{random.Next(12)}" : $"m{random.Next(14)}",
        "n" => random.Next(-100, 1000).ToString(CultureInfo.InvariantCulture),
        "d" => random.Next(4) switch { 0 => "abc", 1 => "inf", 2 => "1e3", _ => "0.5" },
        "x" => random.Next(4) switch { 0 => "abc", 1 => "9223372036854775807", 2 => "1.5", _ => "-5" },
        _ => word,
    };

    private string Degrees(int most) =>
        (((random.NextDouble() * 2) - 1) * most).ToString("F9", CultureInfo.InvariantCulture);

    private string Value() => random.Next(8) switch
    {
        0 => new string('y', random.Next(15, 30)),
        1 => "",
        2 => $"{random.Next(2000)}",
        3 => $"{random.Next(200)}.5",
        _ => $"value {random.Next(100)}",
    };
}
