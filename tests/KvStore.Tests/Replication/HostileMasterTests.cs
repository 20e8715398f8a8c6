using System.Globalization;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Replication;

/// <summary>Masters that lie, break off, are silent, or send what makes no sense: the replica says so, serves whole
/// data or none, and asks again.</summary>
[Trait("speed", "slow")]
public sealed class HostileMasterTests : IDisposable
{
    private readonly RunningServer _server;
    private readonly RespClient _client;

    public HostileMasterTests()
    {
        Assert.SkipWhen(TestServer.IsRedis, "KvStore is the replica here.");
        _server = new RunningServer(ServerProgram.KvStore(
            TestServer.KvStorePath, "--size", "256M", "--repl-timeout", "2"));
        _client = _server.Connect();
        _client.Call("SET", "k", "old");
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [Theory]
    [InlineData("+HELLO\r\n", "answers PSYNC with '+HELLO'")]
    [InlineData("+CONTINUE\r\n", "answers PSYNC with '+CONTINUE'")]
    [InlineData("+FULLRESYNC 0123 100\r\n", "names no history, but '0123 100'")]
    [InlineData("+FULLRESYNC 0123456789abcdef0123456789abcdef0123456z 100\r\n", "names no history")]
    [InlineData("+FULLRESYNC ID -1\r\n", "names no history")]
    [InlineData("+FULLRESYNC ID 9223372036854775807\r\n", "names no history")]
    [InlineData("+FULLRESYNC ID 1\r\n\n\n$-5\r\n", "sends no copy of all keys, but '$-5'")]
    [InlineData("+FULLRESYNC ID 1\r\n$EOF:short\r\n", "sends no copy of all keys, but '$EOF:short'")]
    [InlineData("+FULLRESYNC ID 1\r\n$0\r\n", "as a copy of all keys is none")]
    [InlineData("+FULLRESYNC ID 1\r\n$20\r\nNOREDISFILENOREDISFI", "as a copy of all keys is none")]
    [InlineData("+FULLRESYNC ID 1\r\n$20\r\nREDIS0099REDISFILE00", "as a copy of all keys is none")]
    [InlineData("", "was silent for 2 seconds (repl-timeout)")]
    [InlineData("\n", "was silent for 2 seconds (repl-timeout)")]
    [InlineData("+FULLRESYNC ID 1\r\n", "was silent for 2 seconds (repl-timeout)")]
    public void What_is_no_copy_leaves_the_old_data_as_it_is(string answer, string log)
    {
        using FakeMaster master = new(FakeMaster.Text(answer.Replace("ID", FakeMaster.Id, StringComparison.Ordinal)));
        Follow(master);

        Printed.Contains(log, _server.Process);
        Assert.Equal("old", _client.Call("GET", "k").Text);
        Assert.Equal("down", Follower.InfoOf(_client, "master_link_status"));
    }

    [Theory]
    [InlineData("REDIS0009", 1000, "was silent for 2 seconds")]
    [InlineData("REDIS0009\u00fe\0\0\u0001k", 14, "bytes end in the middle")]
    [InlineData("REDIS0009\0\u0001k\u0080\u007f\u00ff\u00ff\u00ff1234", 1000, "string is longer than what is there")]
    [InlineData("REDIS0009\u00fe\u0041\u002c\0\u0001k\u0001v\u00ff\0\0\0\0\0\0\0\0", 26, "SELECT was refused")]
    [InlineData("REDIS0009\0\u0001k\u0001v\u00ff12345678", 23, "checksum does not fit")]
    [InlineData("REDIS0009\0\u0001k\u0001v\u00ff\0\0\0\0\0\0\0\0more", 27, "4 bytes are behind its end")]
    [InlineData("REDIS0009\u0006\u0001k", 1000, "as a copy of all keys is none")]
    public void Half_a_copy_is_not_served(string bytes, int length, string log)
    {
        using FakeMaster master = new(
            FakeMaster.FullResync(),
            FakeMaster.Text(string.Create(CultureInfo.InvariantCulture, $"${length}\r\n{bytes}")));
        Follow(master);

        Assert.True(
            SpinWait.SpinUntil(
                () => _server.Process.Output.Contains(log, StringComparison.OrdinalIgnoreCase), Patience.Limit),
            _server.Process.Output);
        Assert.StartsWith("LOADING", _client.Call("GET", "k").Text, StringComparison.Ordinal);
        _server.Process.Kill();
        _server.RestartWhereItWas();
        using RespClient again = _server.Connect();
        Assert.StartsWith("LOADING", again.Call("GET", "k").Text, StringComparison.Ordinal);

        // A master that sends a whole one ends that.
        using FakeMaster right = new(FakeMaster.FullResync(), FakeMaster.Copy("new"));
        again.Call("REPLICAOF", "127.0.0.1", right.Port);
        WaitForValue(again, "new");
    }

    [Theory]
    [InlineData("0123456789012345678901234567890123456789", true)]
    [InlineData("0123456789012345678901234567890123456788", false)]
    public void The_mark_behind_a_copy_is_looked_at(string mark, bool isRight)
    {
        using FakeMaster master = new(
            FakeMaster.FullResync(), FakeMaster.Text("$EOF:0123456789012345678901234567890123456789\r\n"),
            FakeMaster.File("new"), FakeMaster.Text(mark));
        Follow(master);

        if (isRight)
        {
            WaitForValue(_client, "new");
        }
        else
        {
            Printed.Contains("mark of its end is not behind it", _server.Process);
            Assert.StartsWith("LOADING", _client.Call("GET", "k").Text, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("*1\r\n$abc\r\n", "invalid bulk length")]
    [InlineData("*1\r\n*1\r\n$4\r\nPING\r\n", "expected '$', got '*'")]
    [InlineData("*99999999999\r\n", "invalid multibulk length")]
    [InlineData("*1\r\n$5\r\nMULTI\r\n*1\r\n$5\r\nMULTI\r\n", "MULTI within a transaction")]
    [InlineData("*2\r\n$6\r\nSELECT\r\n$2\r\n77\r\n", "SELECT was refused")]
    [InlineData("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2147483000\r\n", "was silent for 2 seconds")]
    [InlineData("*2147483647\r\n$1\r\n", "was silent for 2 seconds")]
    [InlineData("", "was silent for 2 seconds")]
    public void A_stream_that_makes_no_sense_ends_the_connection_and_what_was_done_stays(string bytes, string log)
    {
        using FakeMaster master = new(command => command.StartsWith("PSYNC ?", StringComparison.Ordinal)
            ? [.. FakeMaster.FullResync(), .. FakeMaster.Copy("new"), .. FakeMaster.Command("SET", "l", "w"),
                .. FakeMaster.Text(bytes)]
            : FakeMaster.Text("+CONTINUE\r\n"));
        Follow(master);
        WaitForValue(_client, "new");

        Printed.Contains(log, _server.Process);
        Assert.Equal("new", _client.Call("GET", "k").Text);
        Assert.Equal("w", _client.Call("GET", "l").Text);
        Assert.InRange(_server.ResidentBytes, 0, 300L << 20);
        int done = 100 + FakeMaster.Command("SET", "l", "w").Length;
        Assert.True(
            SpinWait.SpinUntil(
                () => master.Heard.Contains($"PSYNC {FakeMaster.Id} {done + 1}", StringComparison.Ordinal),
                Patience.Limit),
            master.Heard);
    }

    [Fact]
    public void What_is_no_change_of_data_is_not_done_for_a_master()
    {
        string[][] commands =
        [
            ["SHUTDOWN"], ["CONFIG", "SET", "requirepass", "x"], ["ACL", "SETUSER", "default", "off"],
            ["REPLICAOF", "127.0.0.1", "1"], ["DEBUG", "SLEEP", "100"], ["CLIENT", "KILL", "TYPE", "normal"],
            ["BGSAVE"], ["MONITOR"], ["SUBSCRIBE", "c"], ["AUTH", "x"], ["NOSUCH"], ["GET"], ["PSYNC", "?", "-1"],
            ["EVAL", "return redis.call('CONFIG', 'SET', 'requirepass', 'x')", "0"], ["BLPOP", "none", "0"],
        ];
        byte[] stream = [.. commands.SelectMany(FakeMaster.Command), .. FakeMaster.Command("SET", "l", "w")];
        using FakeMaster master = new(FakeMaster.FullResync(), FakeMaster.Copy("new"), stream);
        Follow(master);

        WaitForValue(_client, "new");
        Assert.True(SpinWait.SpinUntil(() => _client.Call("GET", "l").Text == "w", Patience.Limit));
        _server.AssertServes();
        Assert.Equal("14", Follower.InfoOf(_client, "unexpected_error_replies", "stats")); // BLPOP does not wait
        Printed.Contains("the master's SHUTDOWN was refused", _server.Process);
    }

    [Fact]
    public void A_transaction_that_does_not_end_is_not_begun()
    {
        byte[] half = [.. FakeMaster.Command("MULTI"), .. FakeMaster.Command("SET", "k", "half")];
        using FakeMaster master = new(command => command.StartsWith("PSYNC ?", StringComparison.Ordinal)
            ? [.. FakeMaster.FullResync(), .. FakeMaster.Copy("new"), .. half]
            : [.. FakeMaster.Text("+CONTINUE\r\n"), .. half, .. FakeMaster.Command("EXEC")]);
        Follow(master);
        WaitForValue(_client, "new");
        Thread.Sleep(200);
        Assert.Equal("new", _client.Call("GET", "k").Text);

        _server.Process.Kill();
        _server.RestartWhereItWas();
        using RespClient again = _server.Connect();
        WaitForValue(again, "half");
        Assert.Contains($"PSYNC {FakeMaster.Id} 101", master.Heard, StringComparison.Ordinal);
    }

    [Fact]
    public void The_database_that_the_stream_has_selected_is_known_after_a_kill()
    {
        byte[] first = [.. FakeMaster.Command("SELECT", "3"), .. FakeMaster.Command("SET", "a", "1")];
        using FakeMaster master = new(command => command.StartsWith("PSYNC ?", StringComparison.Ordinal)
            ? [.. FakeMaster.FullResync(), .. FakeMaster.Copy("new"), .. first]
            : [.. FakeMaster.Text("+CONTINUE\r\n"), .. FakeMaster.Command("SET", "b", "2")]);
        Follow(master);
        _client.Call("SELECT", 3);
        Assert.True(SpinWait.SpinUntil(() => _client.Call("GET", "a").Text == "1", Patience.Limit));
        _server.Process.Kill();
        _server.RestartWhereItWas();

        using RespClient again = _server.Connect();
        again.Call("SELECT", 3);
        Assert.True(
            SpinWait.SpinUntil(() => again.Call("GET", "b") is { IsNull: false, Text: "2" }, Patience.Limit));
    }

    private void Follow(FakeMaster master) =>
        Assert.Equal("OK", _client.Call("REPLICAOF", "127.0.0.1", master.Port).Text);

    private static void WaitForValue(RespClient client, string value) => Assert.True(
        SpinWait.SpinUntil(
            () => client.Call("GET", "k") is { IsNull: false } reply && reply.Text == value, Patience.Limit));
}
