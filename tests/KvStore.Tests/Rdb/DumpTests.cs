using System.Globalization;
using System.Text;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Rdb;

/// <summary>
/// DUMP and RESTORE: between KvStore and redis-server, with options, over kills, and where there is no room.
/// </summary>
public sealed class DumpTests(ServerPair pair, ITestOutputHelper output) : IClassFixture<ServerPair>
{
    private const int Kills = 12;
    private const int LongestRestoreMilliseconds = 30;
    private const int Fields = 300;

    private static readonly int[] s_sizes = [1, 4, 40, 700];

    /// <summary>Redis packs what is small and in which form, these say: low, its own, high.</summary>
    private static readonly string[][] s_packing =
    [
        [],
        ["0", "1"],
        ["100000", "100000"],
    ];

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Every_type_goes_from_redis_and_to_it_and_is_the_same(int packing)
    {
        using RunningServer redis = new(ServerProgram.Redis(Tool.Require("redis-server")));
        using RunningServer own = TestServer.Start("128M");
        using TextClient other = new(redis.Process.TcpEndPoint);
        using TextClient mine = new(own.Process.TcpEndPoint);
        foreach (TextClient client in new[] { other, mine })
        {
            Pack(client, s_packing[packing]);
        }

        Random random = new(packing);
        int compared = 0;
        foreach (int size in s_sizes)
        {
            foreach (string type in new[] { "string", "list", "set", "numbers", "hash", "sorted set", "stream" })
            {
                string[][] filling = [.. Filling(type, size, random)];
                Move(other, mine, filling, $"{type} of {size}, from redis");
                Move(mine, other, filling, $"{type} of {size}, to redis");
                Move(mine, mine, filling, $"{type} of {size}, to itself");
                compared += 3;
            }
        }

        output.WriteLine($"{compared} dumps");
    }

    [Fact]
    public void Options_and_refusals_are_those_of_redis()
    {
        pair.Compare(server =>
        {
            using TextClient client = new(server.Process.TcpEndPoint);
            string payload = Text(client.Call("SET", "s", "abc") + client.Call("DUMP", "s"));
            string list = Text(client.Call("RPUSH", "l", "a", "b") + client.Call("DUMP", "l"));
            var said = new StringBuilder();
            foreach (string[] line in new string[][]
            {
                ["DUMP", "absent"], ["DUMP"], ["DUMP", "a", "b"], ["RESTORE", "k", "0"], ["RESTORE", "k", "0", payload],
                ["GET", "k"], ["RESTORE", "k", "0", payload], ["RESTORE", "k", "x", payload],
                ["RESTORE", "k", "x", payload, "REPLACE"], ["RESTORE", "k", "-1", payload, "REPLACE"],
                ["RESTORE", "k", "0", payload[..^1], "REPLACE"], ["RESTORE", "k", "0", "", "REPLACE"],
                ["RESTORE", "k", "0", payload, "REPLACE", "BOGUS"], ["RESTORE", "k", "0", payload, "FREQ"],
                ["RESTORE", "k", "0", payload, "FREQ", "256"], ["RESTORE", "k", "0", payload, "FREQ", "-1"],
                ["RESTORE", "k", "0", payload, "FREQ", "x"], ["RESTORE", "k", "0", payload, "IDLETIME", "-1"],
                ["RESTORE", "k", "0", payload, "IDLETIME", "5", "FREQ", "7"],
                ["RESTORE", "k", "0", payload, "REPLACE", "IDLETIME", "1000"], ["OBJECT", "IDLETIME", "k"],
                ["RESTORE", "k", "0", payload, "REPLACE", "FREQ", "100"], ["TTL", "k"],
                ["RESTORE", "k", "100000", payload, "REPLACE"], ["TTL", "k"],
                ["RESTORE", "k", "9000000000000", payload, "REPLACE", "ABSTTL"], ["PEXPIRETIME", "k"],
                ["RESTORE", "k", "1", list, "REPLACE", "ABSTTL"], ["EXISTS", "k"],
                ["RESTORE", "k", "9000000000000", list, "ABSTTL"], ["LRANGE", "k", "0", "-1"], ["PEXPIRETIME", "k"],
                ["RESTORE", "k", "0", payload, "REPLACE"], ["TYPE", "k"], ["TTL", "k"],
                ["MULTI"], ["RESTORE", "k", "0", list, "REPLACE"], ["RESTORE", "m", "0", payload], ["EXEC"],
                ["LLEN", "k"], ["GET", "m"], ["COMMAND", "GETKEYS", "RESTORE", "k", "0", "x"], ["SELECT", "3"],
                ["RESTORE", "k", "0", list], ["DBSIZE"], ["EVAL", "return redis.call('restore', 'e', 0, ARGV[1])", "0",
                    payload], ["GET", "e"], ["SELECT", "0"], ["EXISTS", "e"],
            })
            {
                said.Append(CultureInfo.InvariantCulture, $"{line[0]} {line.Length}: {client.Call(line)}");
            }

            return said.ToString();
        });
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_restored_hash_is_whole_or_was_never_there_after_kills_at_any_time()
    {
        using RunningServer server = TestServer.Start("128M");
        string[] payloads = new string[2];
        using (TextClient client = new(server.Process.TcpEndPoint))
        {
            for (int i = 0; i < payloads.Length; i++)
            {
                string[] fields = [.. Enumerable.Range(0, Fields).SelectMany(f => new[] { $"f{f}", $"value {i}" })];
                client.Call(["HSET", "k", .. fields]);
                payloads[i] = Text(client.Call("DUMP", "k"));
            }
        }

        long restored = 0;
        Random random = new(1);
        for (int kill = 0; kill < Kills; kill++)
        {
            // A kill right behind a reply always meets the next restore's beginning.
            int delay = random.Next(LongestRestoreMilliseconds);
            long enough = Volatile.Read(ref restored) + 5 + kill;
            Thread killer = server.KillBehind(() => Volatile.Read(ref restored) >= enough, delay);
            using (TextClient client = new(server.Process.TcpEndPoint))
            {
                while (client.Call("RESTORE", "k", "0", payloads[restored & 1], "REPLACE") == "+OK\r\n")
                {
                    Interlocked.Increment(ref restored);
                }
            }

            killer.Join();
            server.Restart();
            using TextClient again = new(server.Process.TcpEndPoint);
            string[] values = [.. again.Call("HVALS", "k").Split("\r\n").Where(it => it.StartsWith("value",
                StringComparison.Ordinal))];
            Assert.Equal(Fields, values.Length);
            Assert.Single(values.Distinct());
            AwaitEntries(again, Fields + 10);
        }

        output.WriteLine($"{restored} restored, {Kills} kills");
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Where_there_is_no_room_nothing_changes_and_nothing_is_left()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena that is full.");
        using RunningServer large = TestServer.Start("256M");
        using RunningServer small = TestServer.Start("16M");
        string[] payloads;
        using (TextClient client = new(large.Process.TcpEndPoint))
        {
            string value = new('v', 1000);
            string[] fields = [.. Enumerable.Range(0, 30_000).SelectMany(f => new[] { $"f{f}", value })];
            client.Call(["HSET", "h", .. fields]);
            client.Call("SET", "s", new string('s', 30_000_000));
            payloads = [Text(client.Call("DUMP", "h")), Text(client.Call("DUMP", "s"))];
        }

        using TextClient full = new(small.Process.TcpEndPoint);
        full.Call("RPUSH", "k", "kept");
        foreach (string payload in payloads)
        {
            Assert.StartsWith("-OOM", full.Call("RESTORE", "k", "0", payload, "REPLACE"), StringComparison.Ordinal);
            Assert.StartsWith("-OOM", full.Call("RESTORE", "new", "0", payload), StringComparison.Ordinal);
        }

        Assert.Equal("*1\r\n$4\r\nkept\r\n", full.Call("LRANGE", "k", "0", "-1"));
        Assert.Equal(":1\r\n", full.Call("DBSIZE"));
        AwaitEntries(full, most: 0);

        // What is begun and finds no room is garbage, of which to make room again and again would never end.
        string filler = new('v', 1500);
        full.Call(["HSET", "h", .. Enumerable.Range(0, 6_000).SelectMany(f => new[] { $"f{f}", filler })]);
        Assert.StartsWith("-OOM", full.Call("COPY", "h", "copy"), StringComparison.Ordinal);
        Assert.Equal(":6000\r\n", full.Call("HLEN", "h"));
        Assert.Equal(":0\r\n", full.Call("EXISTS", "copy"));
    }

    [Fact]
    public void Fields_that_expire_are_in_a_dump_with_their_times()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server 7.0 has no fields that expire.");
        using RunningServer server = TestServer.Start("64M");
        using TextClient client = new(server.Process.TcpEndPoint);
        foreach (int fields in new[] { 3, 1000 })
        {
            client.Call(["HSET", "k", .. Enumerable.Range(0, fields).SelectMany(f => new[] { $"f{f}", $"v{f}" })]);
            client.Call("HPEXPIREAT", "k", "9000000000000", "FIELDS", "1", "f0");
            client.Call("HPEXPIREAT", "k", "9100000000000", "FIELDS", "1", "f1");
            string payload = Text(client.Call("DUMP", "k"));

            Assert.Equal("+OK\r\n", client.Call("RESTORE", "copy", "0", payload, "REPLACE"));

            Assert.Equal("*3\r\n:9000000000000\r\n:9100000000000\r\n:-1\r\n",
                client.Call("HPEXPIRETIME", "copy", "FIELDS", "3", "f0", "f1", "f2"));
            Assert.Equal($":{fields}\r\n", client.Call("HLEN", "copy"));
            client.Call("DEL", "k");
        }
    }

    private static void Move(TextClient from, TextClient to, string[][] filling, string what)
    {
        from.Call("DEL", "k");
        to.Call("DEL", "copy");
        foreach (string[] command in filling)
        {
            string reply = from.Call(command);
            Assert.False(reply.StartsWith('-'), $"{what}: {command[0]} {reply}");
        }

        string restored = to.Call("RESTORE", "copy", "0", Text(from.Call("DUMP", "k")));
        Assert.True(restored == "+OK\r\n", $"{what}: {restored}");
        Assert.Equal($"{what}: {Contents(from, "k")}", $"{what}: {Contents(to, "copy")}");
    }

    private static string Contents(TextClient client, string key)
    {
        string type = client.Call("TYPE", key).Trim();
        string[] question = type switch
        {
            "+string" => ["GET", key],
            "+list" => ["LRANGE", key, "0", "-1"],
            "+set" => ["SMEMBERS", key],
            "+hash" => ["HGETALL", key],
            "+zset" => ["ZRANGE", key, "0", "-1", "WITHSCORES"],
            _ => ["XRANGE", key, "-", "+"],
        };
        string reply = client.Call(question);
        if (type is "+set" or "+hash")
        {
            reply = string.Join(' ', reply.Split("\r\n").Order(StringComparer.Ordinal));
        }

        return type == "+stream" ? reply + StreamFacts(client, key) : type + reply;
    }

    /// <summary>All that streams keep beside their entries, but how they lie in memory.</summary>
    private static string StreamFacts(TextClient client, string key)
    {
        string facts = client.Call("XINFO", "STREAM", key, "FULL", "COUNT", "0");
        int trees = facts.IndexOf("$15\r\nradix-tree-keys", StringComparison.Ordinal);
        int rest = facts.IndexOf("$17\r\nlast-generated-id", StringComparison.Ordinal);
        return facts[..trees] + facts[rest..];
    }

    private static IEnumerable<string[]> Filling(string type, int size, Random random)
    {
        string Any() => random.Next(5) switch
        {
            0 => random.NextInt64(-1L << random.Next(1, 62), 1L << random.Next(1, 62)).ToString(
                CultureInfo.InvariantCulture),
            1 => new string((char)random.Next(256), random.Next(300)),
            2 => new string('z', random.Next(0, 5_000)),
            _ => $"text {random.Next(100_000)}",
        };
        yield return type == "string" ? ["SET", "k", string.Concat(Enumerable.Repeat(Any(), size))] : ["PING"];
        string[] Add() => type switch
        {
            "list" => ["RPUSH", "k", Any()],
            "set" => ["SADD", "k", Any()],
            "numbers" => ["SADD", "k", $"{random.NextInt64(-1L << random.Next(1, 62), 1L << random.Next(1, 62))}"],
            "hash" => ["HSET", "k", Any(), Any()],
            _ => ["ZADD", "k", random.Next(4) switch { 0 => "inf", 1 => "-inf", 2 => $"{random.Next(1000)}",
                _ => random.NextDouble().ToString("R", CultureInfo.InvariantCulture) }, Any()],
        };
        for (int i = 0; i < size && type is not ("string" or "stream"); i++)
        {
            yield return Add();
        }

        foreach (string[] command in type == "stream" ? StreamFilling(size, random, Any) : [])
        {
            yield return command;
        }
    }

    private static IEnumerable<string[]> StreamFilling(int size, Random random, Func<string> any)
    {
        for (int i = 1; i <= size; i++)
        {
            string[] second = random.Next(4) == 0 ? ["other", any()] : [];
            yield return ["XADD", "k", $"{1 + (i / 3)}-{i}", "field", any(), .. second];
        }

        yield return ["XGROUP", "CREATE", "k", "g", "0"];
        yield return ["XGROUP", "CREATE", "k", "behind", "$"];
        yield return ["XREADGROUP", "GROUP", "g", "one", "COUNT", $"{1 + (size / 2)}", "STREAMS", "k", ">"];
        yield return ["XREADGROUP", "GROUP", "g", "two", "COUNT", $"{1 + (size / 3)}", "STREAMS", "k", ">"];
        yield return ["XGROUP", "CREATECONSUMER", "k", "g", "idle"];
        for (int i = 1; i <= size; i += 3)
        {
            yield return ["XDEL", "k", $"{1 + (i / 3)}-{i}"];
            yield return ["XACK", "k", "g", $"{1 + ((i + 1) / 3)}-{i + 1}"];
        }
    }

    private static void Pack(TextClient client, string[] limits)
    {
        foreach (string type in limits.Length == 0 ? [] : new[] { "hash", "zset" })
        {
            client.Call("CONFIG", "SET", $"{type}-max-listpack-entries", limits[0], $"{type}-max-listpack-value",
                limits[1]);
        }

        if (limits.Length > 0)
        {
            client.Call("CONFIG", "SET", "set-max-intset-entries", limits[0], "list-max-listpack-size", limits[1]);
            client.Call("CONFIG", "SET", "stream-node-max-entries", limits[1]);
        }
    }

    /// <summary>The last bulk string of what was received.</summary>
    private static string Text(string reply)
    {
        int start = reply.IndexOf('$', StringComparison.Ordinal) + 1;
        int end = reply.IndexOf('\r', start);
        int length = int.Parse(reply.AsSpan(start, end - start), CultureInfo.InvariantCulture);
        return reply.Substring(end + 2, length);
    }

    private static void AwaitEntries(TextClient client, long most) => Assert.True(
        SpinWait.SpinUntil(() => client.Info("memory", "nested_entries") <= most, Patience.Limit),
        $"{client.Info("memory", "nested_entries")} entries are left");
}
