using System.Globalization;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>
/// <c>maxmemory-policy</c>: what goes, that no write is refused, and that as many reads hit as in redis-server.
/// </summary>
public sealed class EvictionTests(ITestOutputHelper output)
{
    private const int Keyspace = 20_000;
    private const int ValueLength = 300;

    [Theory]
    [Trait("speed", "slow")]
    [InlineData("allkeys-lru")]
    [InlineData("allkeys-lfu")]
    [InlineData("allkeys-random")]
    [InlineData("volatile-lru")]
    [InlineData("volatile-ttl")]
    public void A_full_store_takes_every_write_and_the_newest_key_is_there(string policy)
    {
        Assert.SkipWhen(TestServer.IsRedis, "The store's length is KvStore's.");
        using RunningServer server = TestServer.Start("16M");
        using RespClient client = server.Connect();
        client.Call("CONFIG", "SET", "maxmemory-policy", policy);
        string value = new('x', 20_000);
        for (int i = 0; i < 1_500; i++)
        {
            RespReply reply = client.Call("SET", $"key:{i}", value, "EX", 1000 + i);
            Assert.True(reply.Text == "OK", $"{i}: {reply}");
        }

        Assert.Equal(20_000, client.Call("STRLEN", "key:1499").Integer);
        long kept = client.Call("DBSIZE").Integer;
        Assert.InRange(kept, 300, 900);
        Assert.InRange(Info(client, "evicted_keys"), 1_500 - kept, 1_500 - kept);

        // A transaction and a script that need more than is free, and a value that needs a stretch.
        client.Call("MULTI");
        for (int i = 0; i < 200; i++)
        {
            client.Call("SET", $"multi:{i}", value, "EX", 5000);
        }

        Assert.All(client.Call("EXEC").Items!, reply => Assert.Equal("OK", reply.Text));
        const string Script = "for i = 1, 200 do redis.call('set', 's' .. i, ARGV[1], 'EX', 5000) end return 'done'";
        Assert.Equal("done", client.Call("EVAL", Script, "0", value).Text);
        Assert.Equal("OK", client.Call("SET", "long", new string('y', 5_000_000), "EX", 5000).Text);
        Assert.Equal(5_000_000, client.Call("STRLEN", "long").Integer);
    }

    [Fact]
    public void Where_nothing_may_go_writes_are_refused_and_reads_are_not()
    {
        Assert.SkipWhen(TestServer.IsRedis, "The store's length is KvStore's.");
        using RunningServer server = TestServer.Start("16M");
        using RespClient client = server.Connect();
        client.Call("CONFIG", "SET", "maxmemory-policy", "volatile-lru");
        string value = new('x', 20_000);
        int taken = 0;
        RespReply last;
        while ((last = client.Call("SET", $"key:{taken}", value)).Text == "OK" && taken < 3000)
        {
            taken++;
        }

        Assert.StartsWith("OOM ", last.Text, StringComparison.Ordinal);
        Assert.Equal(taken, client.Call("DBSIZE").Integer);
        client.Call("DEL", "key:1"); // a record that expires needs room too
        Assert.Equal(1, client.Call("EXPIRE", "key:0", 1000).Integer);
        Assert.Equal("OK", client.Call("SET", "one", value).Text);
        Assert.Equal("OK", client.Call("SET", "another", value).Text);
        Assert.Equal(0, client.Call("EXISTS", "key:0").Integer);
    }

    [Fact]
    public void What_goes_is_published_in_its_database_and_what_watched_it_stops()
    {
        Assert.SkipWhen(TestServer.IsRedis, "What a key takes is KvStore's.");
        using RunningServer server = TestServer.Start("16M");
        using var listener = new TextClient(server.Process.TcpEndPoint);
        using var watcher = new TextClient(server.Process.TcpEndPoint);
        using RespClient client = server.Connect();
        client.Call("CONFIG", "SET", "notify-keyspace-events", "Ee");
        listener.Call("PSUBSCRIBE", "__key*");
        client.Call("SELECT", "3");
        client.Call("SET", "only", new string('x', 50_000), "EX", 100);
        client.Call("RPUSH", "list", new string('x', 50_000));
        watcher.Call("SELECT", "3");
        watcher.Call("WATCH", "only");
        client.Call("CONFIG", "SET", "maxmemory", "20000", "maxmemory-policy", "volatile-ttl"); // keys go from here on

        Assert.StartsWith("OOM ", client.Call("SET", "other", "1").Text, StringComparison.Ordinal);

        Assert.Contains("__keyevent@3__:evicted\r\n$4\r\nonly\r\n", listener.Receive(), StringComparison.Ordinal);
        watcher.Call("MULTI");
        watcher.Call("PING");
        Assert.Equal("*-1\r\n", watcher.Call("EXEC"));
        client.Call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
        Assert.Equal("OK", client.Call("SET", "other", "1").Text);
        Assert.Equal(0, client.Call("EXISTS", "list").Integer);
    }

    [Fact]
    public void Object_tells_how_often_and_when_as_in_redis()
    {
        using RunningServer redis = new(ServerProgram.Redis(Tool.Require("redis-server")));
        using RunningServer own = TestServer.Start("64M");
        using var expected = new TextClient(redis.Process.TcpEndPoint);
        using var actual = new TextClient(own.Process.TcpEndPoint);
        foreach (string line in new[]
        {
            "OBJECT IDLETIME none", "OBJECT FREQ none", "SET k 1", "OBJECT IDLETIME k?", "OBJECT FREQ k",
            "OBJECT FREQ",
            "CONFIG SET maxmemory-policy bogus?", "CONFIG SET maxmemory-policy allkeys-lfu", "OBJECT IDLETIME k",
            "CONFIG GET maxmemory-policy", "CONFIG GET maxmemory-samples", "CONFIG GET lfu-log-factor",
            "CONFIG GET lfu-decay-time", "SET n text", "OBJECT FREQ n", "CONFIG SET lfu-log-factor 0", "GET n", "GET n",
            "TTL n", "EXISTS n", "TYPE n", "TOUCH n", "OBJECT FREQ n", "APPEND n 2", "OBJECT FREQ n",
            "CONFIG SET maxmemory-policy volatile-ttl", "OBJECT FREQ n", "OBJECT IDLETIME n?",
        })
        {
            string want = expected.Call(line.TrimEnd('?').Split(' '));
            string got = actual.Call(line.TrimEnd('?').Split(' '));
            bool same = line[^1] == '?' ? want[0] == got[0] : want == got;
            Assert.True(same, $"{line}: redis {want}, own {got}");
        }
    }

    /// <summary>A cache over a Zipfian trace, in one server, then in the other, with room for as many keys.</summary>
    [Theory]
    [Trait("speed", "slow")]
    [InlineData("allkeys-lru")]
    [InlineData("allkeys-lfu")]
    [InlineData("allkeys-random")]
    public void As_many_reads_hit_as_in_redis(string policy)
    {
        using RunningServer redis = new(ServerProgram.Redis(Tool.Require("redis-server"), "--save", ""));
        using RunningServer own = TestServer.Start("64M");
        using RespClient theirs = redis.Connect();
        using RespClient ours = own.Connect();
        long used = Info(theirs, "used_memory", "memory");
        theirs.Call("CONFIG", "SET", "maxmemory", used + (6_000 * ValueLength), "maxmemory-policy", policy);
        ours.Call("CONFIG", "SET", "maxmemory-policy", policy);
        double expected = HitRatio(theirs, seed: 5);
        long room = theirs.Call("DBSIZE").Integer;
        Fill(ours, 500);
        ours.Call("CONFIG", "SET", "maxmemory", Info(ours, "used_memory", "memory") * room / 500);
        ours.Call("FLUSHALL");

        double actual = HitRatio(ours, seed: 5);

        output.WriteLine($"{policy}: room for {room} of {Keyspace}; redis {expected:P1}, own {actual:P1} "
            + $"with {ours.Call("DBSIZE").Integer} keys");
        Assert.True(actual > expected - 0.02, $"{policy}: redis {expected:P1}, own {actual:P1}");
    }

    private static void Fill(RespClient client, int keys)
    {
        for (int i = 0; i < keys; i++)
        {
            client.Add("SET", $"fill:{i:D6}", new string('x', ValueLength));
        }

        client.Flush();
        for (int i = 0; i < keys; i++)
        {
            client.ReadOk();
        }
    }

    /// <summary>GETs in batches; what missed is SET. Hits of the second half.</summary>
    private static double HitRatio(RespClient client, int seed)
    {
        const int Batches = 1_600;
        const int Batch = 50;
        double[] sums = Zipf();
        var random = new Random(seed);
        var value = new string('x', ValueLength);
        long hits = 0;
        for (int batch = 0; batch < Batches; batch++)
        {
            string[] keys = [.. Enumerable.Range(0, Batch).Select(_ => Key(sums, random))];
            foreach (string key in keys)
            {
                client.Add("GET", key);
            }

            client.Flush();
            string[] missed = [.. keys.Where(_ => client.Read().IsNull)];
            hits += batch < Batches / 2 ? 0 : Batch - missed.Length;
            foreach (string key in missed)
            {
                client.Add("SET", key, value);
            }

            client.Flush();
            foreach (string _ in missed)
            {
                client.ReadOk();
            }
        }

        return (double)hits / (Batches / 2 * Batch);
    }

    private static double[] Zipf()
    {
        double[] sums = new double[Keyspace];
        double sum = 0;
        for (int i = 0; i < Keyspace; i++)
        {
            sums[i] = sum += 1 / Math.Pow(i + 1, 0.9);
        }

        return sums;
    }

    private static string Key(double[] sums, Random random)
    {
        int at = Array.BinarySearch(sums, random.NextDouble() * sums[^1]);
        return $"zipf:{(at < 0 ? ~at : at):D6}";
    }

    private static long Info(RespClient client, string name, string section = "stats")
    {
        string line = client.Call("INFO", section).Text.Split("\r\n")
            .First(it => it.StartsWith(name + ":", StringComparison.Ordinal));
        return long.Parse(line[(name.Length + 1)..], CultureInfo.InvariantCulture);
    }
}
