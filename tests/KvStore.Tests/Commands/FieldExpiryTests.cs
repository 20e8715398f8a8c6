using System.Globalization;
using KvStore.Tests.Infrastructure;
using KvStore.Tests.Torture;

namespace KvStore.Tests.Commands;

/// <summary>
/// Fields of hashes that expire. redis-server 7.0 has none, so a model says what is right; the clock stands still and
/// is put ahead. Limits are low: hashes grow out of their records all the time.
/// </summary>
public sealed class FieldExpiryTests : IDisposable
{
    private const int Steps = 4_000;
    private const long Year = 366L * 86_400_000;

    private readonly TemporaryDirectory _directory = new();
    private readonly MovableClock _clock;
    private readonly RunningServer _server;
    private readonly ITestOutputHelper _output;
    private TextClient _client;

    public FieldExpiryTests(ITestOutputHelper output)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no clock of ours.");
        _output = output;
        string path = Path.Combine(_directory.Path, "clock");
        _clock = new MovableClock(path);
        _server = new RunningServer(TestServer.WithClock(TestServer.Program("64M"), path));
        _clock.Stop();
        _client = Connect();
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
        _clock.Dispose();
        _directory.Dispose();
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Random_commands_answer_as_a_model_does_over_kills()
    {
        int seed = TortureRun.Setting("GMF_FIELDS_SEED", Random.Shared.Next());
        _output.WriteLine($"GMF_FIELDS_SEED={seed}");
        var random = new Random(seed);
        var model = new FieldModel();
        var trail = new Queue<string>();
        for (int step = 0; step < Steps; step++)
        {
            if (random.Next(20) == 0)
            {
                _clock.Pass(random.Next(400));
            }

            if (step % 1_500 == 1_499)
            {
                Kill();
            }

            model.Now = _clock.Now;
            string[] args = [.. s_lines[random.Next(s_lines.Length)].Split(' ').Select(word => Word(word, random))];
            trail.Enqueue(string.Join(' ', args));
            if (trail.Count > 40)
            {
                trail.Dequeue();
            }

            string want = Normalize(args[0], model.Run(args));
            string got = Normalize(args[0], _client.Call(args));
            Assert.True(
                want == got,
                $"GMF_FIELDS_SEED={seed}, step {step}: {string.Join("\n", trail)}\nwant {want}\ngot {got}");
        }

        _clock.Pass(Year);
        for (int i = 0; i < 5; i++)
        {
            model.Now = _clock.Now;
            Assert.Equal(model.Run(["HLEN", $"key{i}"]), _client.Call("HLEN", $"key{i}"));
            _client.Call("DEL", $"key{i}");
        }

        AssertNothingLeft();
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_kill_in_the_middle_leaves_a_hash_whose_fields_are_as_many_as_it_says()
    {
        var random = new Random(5);
        for (int round = 0; round < 3; round++)
        {
            long now = _clock.Now;
            for (int i = 0; i < 3_000; i++)
            {
                string field = $"f{random.Next(300)}";
                string other = $"f{random.Next(300)}";
                string at = $"{now + random.Next(1, 2_000)}";
                string[] args = random.Next(5) switch
                {
                    0 => ["HSETEX", "big", "PXAT", at, "FIELDS", "2", field, "v", other, "w"],
                    1 => ["HPEXPIREAT", "big", at, "FIELDS", "2", field, other],
                    2 => ["HDEL", "big", field, other],
                    3 => ["HPERSIST", "big", "FIELDS", "1", field],
                    _ => ["HSET", "big", field, "x", other, "y"],
                };
                _client.Send(Frame(args));
            }

            Thread.Sleep(random.Next(40));
            Kill();
            _clock.Pass(700);
            AssertWhole("big");
        }

        _client.Call("HGETEX", "big", "PX", "1", "FIELDS", "1", "f1");
        _clock.Pass(Year);
        AssertWhole("big");
        _client.Call("DEL", "big");
        AssertNothingLeft();
    }

    /// <summary>Redis 8.0's, from its documentation and its messages.</summary>
    [Fact]
    public void Replies_are_those_of_redis_in_both_shapes()
    {
        foreach ((string line, string reply) in s_replies)
        {
            foreach (int fields in new[] { 0, 20 })
            {
                _client.Call("DEL", "h", "none");
                _client.Call("SET", "s", "x");
                _client.Call("HSET", "h", "f", "1");
                for (int i = 0; i < fields; i++)
                {
                    _client.Call("HSET", "h", $"other{i}", "x");
                }

                string want = reply.Replace("|", "\r\n", StringComparison.Ordinal) + "\r\n";
                Assert.Equal($"{line}: {want}", $"{line}: {_client.Call(line.Split(' '))}");
            }
        }
    }

    private static readonly (string Line, string Reply)[] s_replies =
    [
        ("HEXPIRE h -1 FIELDS 1 f", "-ERR invalid expire time, must be >= 0"),
        ("HEXPIRE h x FIELDS 1 f", "-ERR value is not an integer or out of range"),
        ("HEXPIRE h 9223372036854775807 FIELDS 1 f", "-ERR invalid expire time in 'hexpire' command"),
        ("HPEXPIREAT h 70368744177664 FIELDS 1 f", "-ERR invalid expire time in 'hpexpireat' command"),
        ("HPEXPIREAT h 70368744177663 FIELDS 1 f", "*1|:1"),
        ("HEXPIRE h 1 FIELDS 0 f", "-ERR Parameter `numFields` should be greater than 0"),
        ("HEXPIRE h 1 FIELDS 2 f", "-ERR The `numfields` parameter must match the number of arguments"),
        ("HEXPIRE h 1 FELDER 1 f", "-ERR Mandatory argument FIELDS is missing or not at the right position"),
        ("HEXPIRE h 1 XX FIELDS 1 f", "*1|:0"),
        ("HEXPIRE h 0 FIELDS 2 f f", "*2|:2|:-2"),
        ("HEXPIRE none 9 FIELDS 2 f g", "*2|:-2|:-2"),
        ("HEXPIRE s 9 FIELDS 1 f", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("HTTL s FIELDS 1 f", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("HTTL h FIELDS 2 f none", "*2|:-1|:-2"),
        ("HTTL h FIELDS 1000000 f", "-ERR The `numfields` parameter must match the number of arguments"),
        ("HPERSIST h FIELDS x f", "-ERR Number of fields must be a positive integer"),
        ("HPERSIST h FIELDS 2 f none", "*2|:-1|:-2"),
        ("HGETDEL h FIELDS 3 f none f", "*3|$1|1|$-1|$-1"),
        ("HGETDEL none FIELDS 1 f", "*1|$-1"),
        ("HGETEX h EX 10 FIELDS 2 f none", "*2|$1|1|$-1"),
        ("HGETEX h EX 10 PX 10 FIELDS 1 f", "-ERR Mandatory argument FIELDS is missing or not at the right position"),
        ("HGETEX h EX 1 FIELDS", "-ERR Number of fields must be a positive integer"),
        ("HSETEX h FNX FXX FIELDS 1 f 2", "-ERR Only one of FXX or FNX arguments can be specified"),
        ("HSETEX h EX 1 KEEPTTL FIELDS 1 f 2",
            "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"),
        ("HSETEX h BOGUS FIELDS 1 f 2", "-ERR unknown argument: BOGUS"),
        ("HSETEX h FIELDS 0 f 2", "-ERR invalid number of fields"),
        ("HSETEX h FIELDS 2 f 2", "-ERR wrong number of arguments for 'hsetex' command"),
        ("HSETEX h FIELDS 1 f", "-ERR wrong number of arguments for 'hsetex' command"),
        ("HSETEX none FXX FIELDS 1 f 2", ":0"),
        ("HSETEX h FNX FIELDS 2 g 1 f 2", ":0"),
        ("HSETEX h FXX EXAT 1 FIELDS 1 f 2", ":1"),
    ];

    [Theory]
    [InlineData(2)]
    [InlineData(20)]
    public void Others_hear_of_it(int fields)
    {
        using TextClient listener = Connect();
        using TextClient watcher = Connect();
        _client.Call("CONFIG", "SET", "notify-keyspace-events", "KEA");
        for (int i = 0; i < fields; i++)
        {
            _client.Call("HSET", "h", $"f{i}", "v");
        }

        listener.Call("SUBSCRIBE", "__keyspace@0__:h");
        (string Line, string[] Events)[] calls =
        [
            ("HPEXPIRE h 100 FIELDS 2 f0 f1", ["hexpire"]),
            ("HPEXPIRE h 100 NX FIELDS 1 f0", []),
            ("HPERSIST h FIELDS 1 f0", ["hpersist"]),
            ("HPERSIST h FIELDS 1 f0", []),
            ("HGETEX h PERSIST FIELDS 1 f1", ["hpersist"]),
            ("HGETEX h EX 9 FIELDS 1 f1", ["hexpire"]),
            ("HGETEX h FIELDS 1 f1", []),
            ("HSETEX h PX 9 FIELDS 1 f1 v", ["hset", "hexpire"]),
            ("HSETEX h FXX FIELDS 1 none v", []),
            ("HSETEX h EXAT 1 FIELDS 1 f1 v", ["hset", "hdel"]),
            ("HSETEX h FIELDS 1 f1 v", ["hset"]),
            ("HGETDEL h FIELDS 2 f1 none", ["hdel"]),
            ("HPEXPIREAT h 1 FIELDS 1 none", []),
        ];
        foreach ((string line, string[] events) in calls)
        {
            _client.Call(line.Split(' '));
            AssertHears(listener, events);
        }

        string[] rest = [.. Enumerable.Range(0, fields).Select(i => $"f{i}").Where(it => it != "f1")];
        watcher.Call("WATCH", "h");
        watcher.Call("HLEN", "h");
        _client.Call(["HPEXPIRE", "h", "50", "FIELDS", $"{rest.Length}", .. rest]);
        AssertHears(listener, ["hexpire"]);
        watcher.Call("UNWATCH");
        watcher.Call("WATCH", "h");
        _clock.Pass(60);
        AssertHears(listener, ["hexpired", "del"]);
        watcher.Call("MULTI");
        watcher.Call("PING");
        Assert.Equal("*-1\r\n", watcher.Call("EXEC"));
        Assert.Equal("+none\r\n", _client.Call("TYPE", "h"));
        Assert.Equal(rest.Length, _client.Info("stats", "expired_subkeys"));
    }

    private static void AssertHears(TextClient listener, string[] events)
    {
        foreach (string name in events)
        {
            Assert.EndsWith($"\r\n{name}\r\n", listener.Receive(), StringComparison.Ordinal);
        }

        Assert.Equal("*2\r\n$4\r\npong\r\n$1\r\n.\r\n", listener.Call("PING", "."));
    }

    private static readonly string[] s_lines =
    [
        "HSET k f v", "HSET k f v f v f v", "HSETNX k f v", "HINCRBY k f n", "HGET k f", "HMGET k f f f", "HLEN k",
        "HEXISTS k f", "HSTRLEN k f", "HGETALL k", "HKEYS k", "HSCAN k 0 COUNT 1000", "HRANDFIELD k 100",
        "HDEL k f", "HDEL k f f f", "HGETDEL k FIELDS 2 f f", "HPEXPIRE k t FIELDS 1 f", "HPEXPIRE k t FIELDS 3 f f f",
        "HPEXPIRE k t NX FIELDS 2 f f", "HPEXPIRE k t XX FIELDS 2 f f", "HPEXPIRE k t GT FIELDS 2 f f",
        "HPEXPIRE k t LT FIELDS 2 f f", "HPEXPIREAT k a FIELDS 2 f f", "HPEXPIRE k 0 FIELDS 1 f",
        "HPERSIST k FIELDS 2 f f", "HPTTL k FIELDS 3 f f f", "HPEXPIRETIME k FIELDS 2 f f", "HGETEX k FIELDS 2 f f",
        "HGETEX k PERSIST FIELDS 2 f f", "HGETEX k PX t FIELDS 2 f f", "HGETEX k PXAT a FIELDS 1 f",
        "HSETEX k FIELDS 2 f v f v", "HSETEX k PX t FIELDS 2 f v f v", "HSETEX k KEEPTTL FIELDS 2 f v f v",
        "HSETEX k FNX PXAT a FIELDS 1 f v", "HSETEX k FXX PX t FIELDS 2 f v f v", "RENAME k k", "COPY k k REPLACE",
        "DEL k",
    ];

    private string Word(string word, Random random) => word switch
    {
        "k" => $"key{random.Next(5)}",
        "f" => $"f{random.Next(14)}",
        "v" => random.Next(4) switch { 0 => $"{random.Next(99)}", 1 => new string('y', random.Next(30)), _ => "value" },
        "n" => $"{random.Next(-9, 99)}",
        "t" => $"{random.Next(1, 900)}",
        "a" => $"{_clock.Now + random.Next(-100, 900)}",
        _ => word,
    };

    private static string Normalize(string name, string reply)
    {
        string[] lines = reply.Split("\r\n");
        if (name is "HGETALL" or "HKEYS" or "HSCAN" or "HRANDFIELD")
        {
            Array.Sort(lines, StringComparer.Ordinal);
        }

        return string.Join("|", lines);
    }

    private static byte[] Frame(string[] args) => System.Text.Encoding.ASCII.GetBytes(
        $"*{args.Length}\r\n" + string.Concat(args.Select(it => $"${it.Length}\r\n{it}\r\n")));

    /// <summary>The clock stands so many milliseconds later.</summary>
    private void Kill()
    {
        _client.Dispose();
        _server.Process.Kill();
        _server.Restart();
        _client = Connect();
    }

    private TextClient Connect()
    {
        TextClient client = new(_server.Process.TcpEndPoint);
        Assert.Equal("+OK\r\n", client.Call("CONFIG", "SET", "hash-max-listpack-entries", "6"));
        Assert.Equal("+OK\r\n", client.Call("CONFIG", "SET", "hash-max-listpack-value", "20"));
        return client;
    }

    private void AssertWhole(string key)
    {
        string[] fields = _client.Call("HKEYS", key).Split("\r\n");
        Assert.Equal($":{fields[0][1..]}\r\n", _client.Call("HLEN", key));
        Assert.Equal(
            int.Parse(fields[0][1..], CultureInfo.InvariantCulture),
            fields.Count(it => it.StartsWith('f')));
    }

    private void AssertNothingLeft()
    {
        bool gone = SpinWait.SpinUntil(
            () => _client.Call("DBSIZE") == ":0\r\n" && _client.Info("memory", "nested_entries") == 0,
            Patience.Limit);
        Assert.True(gone, $"left over: {_client.Call("DBSIZE")} {_client.Call("INFO", "memory")}");
    }
}
