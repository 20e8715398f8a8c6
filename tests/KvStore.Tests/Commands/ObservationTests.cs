using System.Globalization;
using System.Text.RegularExpressions;
using KvStore.Commands;
using KvStore.Demo;
using KvStore.Engine;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>SLOWLOG, LATENCY, MONITOR, MEMORY, DEBUG and OBJECT, beside redis-server.</summary>
public sealed partial class ObservationTests(ServerPair pair) : IClassFixture<ServerPair>
{
    private static readonly Dictionary<string, string> s_conversations = new(StringComparer.Ordinal)
    {
        ["mistakes"] = """
            d: SLOWLOG GET -2
            d: SLOWLOG GET x
            d: SLOWLOG GET 1 2
            d: SLOWLOG FOO
            d: LATENCY FOO
            d: LATENCY LATEST
            d: LATENCY HISTORY foo
            d: LATENCY RESET
            d: LATENCY RESET foo bar
            d: MEMORY USAGE nokey
            d: SET x 1
            d: MEMORY USAGE x SAMPLES
            d: MEMORY USAGE x SAMPLES -1
            d: MEMORY USAGE x FOO 1
            d: MEMORY FOO
            d: MEMORY PURGE
            d: OBJECT FREQ x
            d: OBJECT FREQ nokey
            d: OBJECT IDLETIME nokey
            d: OBJECT ENCODING nokey
            d: OBJECT REFCOUNT nokey
            d: OBJECT FOO x
            d: LOLWUT
            d: DEBUG FOO
            d: DEBUG JMAP
            d: DEBUG SLEEP 0
            d: DEBUG SLEEP
            d: DEBUG OBJECT nokey
            d: DEBUG SET-ACTIVE-EXPIRE 1
            d: DEBUG QUICKLIST-PACKED-THRESHOLD 100b
            d: DEBUG RELOAD
            d: DEBUG ERROR foo
            d: DEBUG PROTOCOL string
            d: DEBUG PROTOCOL integer
            d: DEBUG PROTOCOL double
            d: DEBUG PROTOCOL null
            d: DEBUG PROTOCOL array
            d: DEBUG PROTOCOL set
            d: DEBUG PROTOCOL map
            d: DEBUG PROTOCOL bignum
            d: DEBUG PROTOCOL true
            d: DEBUG PROTOCOL false
            d: DEBUG PROTOCOL verbatim
            d: DEBUG PROTOCOL foo
            d: CONFIG SET enable-debug-command no
            d: CONFIG GET slowlog-max-len
            d: CONFIG GET slowlog-log-slower-than
            d: CONFIG GET latency-monitor-threshold
            """,
        ["the slow log"] = """
            d: CONFIG SET slowlog-log-slower-than 0
            d: SLOWLOG RESET
            d: CLIENT SETNAME me
            d: SET a "b c"
            d: GET a
            d: GET
            d: AUTH secret
            d: AUTH me secret
            d: HELLO 2 AUTH me secret
            d: CONFIG SET requirepass ""
            d: ACL SETUSER u >secret
            d: SLOWLOG GET 5
            d: SLOWLOG GET -1
            d: CONFIG SET slowlog-max-len 2
            d: SLOWLOG LEN
            d: SLOWLOG GET
            d: CONFIG SET slowlog-log-slower-than -1
            d: SLOWLOG RESET
            d: GET a
            d: SLOWLOG LEN
            """,
        ["a monitor"] = """
            m: MONITOR
            d: SET a\"b "x\x01\n\t\xff"
            m<
            d: GET
            d: CONFIG GET save
            d: AUTH secret
            m<
            d: CLIENT SETNAME me
            m<
            d: EVAL "return redis.call('get', 'x')" 0
            m<
            m<
            d: HELLO 9
            m<
            """,
    };

    public static TheoryData<string> Conversations() => [.. s_conversations.Keys];

    [Theory]
    [MemberData(nameof(Conversations))]
    public void What_is_observed_is_what_redis_shows(string name)
    {
        foreach (bool resp3 in new[] { false, true })
        {
            pair.Compare(server => Normalize(Conversation.Of(server, resp3, s_conversations[name])),
                "--enable-debug-command", "yes");
        }
    }

    [Fact]
    public void A_command_that_takes_long_is_in_both_logs()
    {
        using RunningServer server = new(ServerProgram.KvStore(
            TestServer.KvStorePath, "--size", "64M", "--enable-debug-command", "local"));
        using var client = new TextClient(server.Process.TcpEndPoint);
        // Far above what a busy machine makes other commands wait.
        client.Call("CONFIG", "SET", "latency-monitor-threshold", "400");
        Assert.Equal("+OK\r\n", client.Call("DEBUG", "SLEEP", "0.5"));

        string log = client.Call("SLOWLOG", "GET");
        string latest = client.Call("LATENCY", "LATEST");

        Assert.Contains("*3\r\n$5\r\nDEBUG\r\n$5\r\nSLEEP\r\n$3\r\n0.5\r\n", log, StringComparison.Ordinal);
        Assert.Matches(@"^\*[12]\r\n\*4\r\n\$7\r\ncommand\r\n:\d+\r\n:([5-9]\d\d|\d{4})\r\n", latest);
        Assert.StartsWith("*1\r\n*2\r\n", client.Call("LATENCY", "HISTORY", "command"), StringComparison.Ordinal);
        Assert.Contains("command: 1", client.Call("LATENCY", "DOCTOR"), StringComparison.Ordinal);
        Assert.NotEqual(":0\r\n", client.Call("LATENCY", "RESET"));
        Assert.Equal("*0\r\n", client.Call("LATENCY", "HISTORY", "command"));
    }

    [Fact]
    public void A_graph_has_a_column_a_second_and_the_ages_below()
    {
        var series = new LatencySeries(3);
        series.Add(940, 10);
        series.Add(990, 25);
        series.Add(1000, 40);

        string graph = LatencyGraph.Draw("command", series, now: 1000);

        Assert.Equal(
            "command - high 40 ms, low 10 ms (all time high 40 ms)\n" + new string('-', 80)
                + "\n  #\n _|\n ||\n_||\n   \n110\nm0s\n s \n",
            graph);
    }

    [Fact]
    public void Calls_are_in_the_histogram_as_in_redis()
    {
        pair.Compare(server =>
        {
            using var client = new TextClient(server.Process.TcpEndPoint);
            client.Call("CONFIG", "SET", "latency-tracking", "yes");
            client.Call("CONFIG", "RESETSTAT");
            foreach (string line in new[] { "SET a 1", "SET a 2", "SET a 3", "GET a", "GET b", "CLIENT ID" })
            {
                client.Call(line.Split(' '));
            }

            string all = client.Call("LATENCY", "HISTOGRAM", "set", "nosuch", "client", "get");
            client.Call("CONFIG", "RESETSTAT");
            return Times().Replace(all, "") + client.Call("LATENCY", "HISTOGRAM", "set");
        }, "--enable-debug-command", "yes");
    }

    [Fact]
    public void A_call_counts_in_the_bucket_of_its_time_as_in_redis()
    {
        pair.Compare(server =>
        {
            using var client = new TextClient(server.Process.TcpEndPoint);
            client.Call("CONFIG", "SET", "latency-tracking", "yes");
            string found = "";
            for (int tries = 0; tries < 5 && !found.Contains(":67633\r\n", StringComparison.Ordinal); tries++)
            {
                client.Call("CONFIG", "RESETSTAT");
                client.Call("DEBUG", "SLEEP", "0.035"); // on a busy machine it may be over 67 ms until it is back
                found = client.Call("LATENCY", "HISTOGRAM", "debug");
            }

            return found;
        }, "--enable-debug-command", "yes");
    }

    /// <summary>Where a subcommand is not here its lines are not; the others are Redis's.</summary>
    [Theory]
    [InlineData("COMMAND", "GETKEYSANDFLAGS")]
    [InlineData("SCRIPT", "DEBUG")]
    [InlineData("MODULE", "UNLOAD")]
    public void Help_has_the_lines_of_redis_for_what_is_here(string command, string missing)
    {
        using RunningServer redis = new(ServerProgram.Redis(Tool.Require("redis-server")));
        using RunningServer own = TestServer.Start("64M");
        using var expected = new TextClient(redis.Process.TcpEndPoint);
        using var actual = new TextClient(own.Process.TcpEndPoint);
        string[] theirs = expected.Call(command, "HELP").Split("\r\n")[1..];
        string[] ours = actual.Call(command, "HELP").Split("\r\n")[1..];

        int found = 0;
        foreach (string line in theirs)
        {
            found += found < ours.Length && ours[found] == line ? 1 : 0;
        }

        Assert.Equal(ours.Length, found);
        Assert.InRange(ours.Length, 4, theirs.Length - 1);
        Assert.DoesNotContain(ours, line => line.StartsWith("+" + missing, StringComparison.Ordinal));
        Assert.StartsWith("-ERR", actual.Call(command, missing), StringComparison.Ordinal);
    }

    [GeneratedRegex(@"(?<=histogram_usec\r\n)\*\d+\r\n(:\d+\r\n)+")]
    private static partial Regex Times();

    [Fact]
    public void Arguments_in_the_slow_log_are_shortened_as_in_redis()
    {
        using RunningServer redis = new(ServerProgram.Redis(Tool.Require("redis-server")));
        using RunningServer own = TestServer.Start("64M");

        Assert.Equal(Shortened(redis), Shortened(own));
    }

    [Fact]
    public void Debug_is_refused_unless_it_is_allowed()
    {
        using RunningServer server = TestServer.Start("64M");
        using var client = new TextClient(server.Process.TcpEndPoint);

        Assert.StartsWith(
            "-ERR DEBUG command not allowed.", client.Call("DEBUG", "SLEEP", "0"), StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_of_a_key_grows_with_what_it_has()
    {
        using RunningServer server = TestServer.Start("64M");
        using var client = new TextClient(server.Process.TcpEndPoint);
        client.Call("SET", "small", "1");
        client.Call("SET", "large", new string('x', 10_000));
        for (int i = 0; i < 2000; i++)
        {
            client.Call("HSET", "hash", $"field{i}", "value");
        }

        Assert.InRange(Usage(client, "small"), 8, 100);
        Assert.InRange(Usage(client, "large"), 10_000, 11_000);
        Assert.InRange(Usage(client, "hash"), 20_000, 400_000);
        Assert.Contains("keys.count\r\n:3\r\n", client.Call("MEMORY", "STATS"), StringComparison.Ordinal);
        Assert.StartsWith("$", client.Call("MEMORY", "DOCTOR"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_expired_stays_where_it_is_told_to()
    {
        using RunningServer server = new(ServerProgram.KvStore(
            TestServer.KvStorePath, "--size", "64M", "--enable-debug-command", "yes"));
        using var client = new TextClient(server.Process.TcpEndPoint);
        client.Call("DEBUG", "SET-ACTIVE-EXPIRE", "0");
        client.Call("SET", "a", "1", "PX", "1");
        Thread.Sleep(500);

        Assert.Equal(0, client.Info("stats", "expired_keys"));
        client.Call("DEBUG", "SET-ACTIVE-EXPIRE", "1");
        Assert.True(SpinWait.SpinUntil(
            () => client.Info("stats", "expired_keys") == 1, Patience.Limit));
    }

    private static long Usage(TextClient client, string key) =>
        long.Parse(client.Call("MEMORY", "USAGE", key)[1..], CultureInfo.InvariantCulture);

    private static string Shortened(RunningServer server)
    {
        using var client = new TextClient(server.Process.TcpEndPoint);
        client.Call("CONFIG", "SET", "slowlog-log-slower-than", "0");
        client.Call("SET", "a", new string('x', 500));
        client.Call(["SADD", "s", .. Enumerable.Range(0, 40).Select(i => $"{i}")]);
        return Normalize(client.Call("SLOWLOG", "GET", "2").Replace("\r\n", "|", StringComparison.Ordinal));
    }

    private static string Normalize(string heard) => Seconds().Replace(
        Entries().Replace(Addresses().Replace(heard, "(address)"), "*6|(id, time, duration)|"), "+(time) ");

    [GeneratedRegex(@"(\$\d+\|)?127\.0\.0\.1:\d+")]
    private static partial Regex Addresses();

    [GeneratedRegex(@"\*6\|:\d+\|:\d+\|:\d+\|")]
    private static partial Regex Entries();

    [GeneratedRegex(@"\+\d+\.\d+ ")]
    private static partial Regex Seconds();
}
