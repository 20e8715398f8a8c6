using System.Globalization;
using System.Text;
using KvStore.Tests.Infrastructure;
using KvStore.Demo;

namespace KvStore.Tests.Commands;

/// <summary>The same command lines to KvStore and to redis-server: the same bytes come back.</summary>
public sealed class DifferentialTests(ServerPair pair) : IClassFixture<ServerPair>
{
    [Theory]
    [Trait("speed", "slow")]
    [InlineData(false)]
    [InlineData(true)]
    public void Replies_are_those_of_redis_byte_for_byte(bool resp3)
    {
        using RunningServer redis = StartRedis();
        using RunningServer own = TestServer.Start();
        using var expected = new TextClient(redis.Process.TcpEndPoint);
        using var actual = new TextClient(own.Process.TcpEndPoint);
        if (resp3)
        {
            Assert.StartsWith("%7\r\n", expected.Call("HELLO", "3"), StringComparison.Ordinal);
            Assert.StartsWith("%7\r\n", actual.Call("HELLO", "3"), StringComparison.Ordinal);
        }

        int compared = 0;
        var differences = new StringBuilder();
        foreach (string line in CommandLines.All)
        {
            char mode = line[0] is '~' or '?' or '%' ? line[0] : ' ';
            string[] args = CommandLines.Split(mode == ' ' ? line : line[1..]);
            string want = Normalize(expected.Call(args), mode);
            string got = Normalize(actual.Call(args), mode);
            compared++;
            if (want != got && !(mode == '%' && AreNeighbours(want, got)))
            {
                differences.Append($"{compared}: {line}\n   redis {Show(want)}\n   own   {Show(got)}\n");
            }

            if (resp3 && args is ["RESET"])
            {
                expected.Call("HELLO", "3");
                actual.Call("HELLO", "3");
            }
        }

        Assert.True(differences.Length == 0, $"of {compared} replies differ:\n{differences}");
        Assert.True(compared > 500);
    }

    /// <summary>Frames that are not as they should be: the same error, and closed at the same place.</summary>
    [Theory]
    [InlineData("*abc\r\n")]
    [InlineData("*-5\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n")]
    [InlineData("*0\r\nPING\r\nQUIT\r\n")]
    [InlineData("*3\r\n$3\r\nSET\r\nxx\r\n")]
    [InlineData("*2\r\n$-1\r\n")]
    [InlineData("*2\r\n$abc\r\n")]
    [InlineData("*2\r\n$536870913\r\n")]
    [InlineData("*2\r\n:5\r\n")]
    [InlineData("*99999999999\r\n")]
    [InlineData("*1\r\n$4\r\nPING\r\n*1\r\n!4\r\n")]
    [InlineData("SET a \"unbalanced\r\n")]
    [InlineData("SET a \"x\"y\r\n")]
    [InlineData("\r\n\r\nPING\r\n  ECHO  'it\\'s'  \r\nECHO \"\\x41\\n\\\"\"\r\nQUIT\r\nPING\r\n")]
    [InlineData("ping\nECHO a\tb\nEcho abc\nquit\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nPING\r\n")]
    [InlineData("POST / HTTP/1.1\r\nPING\r\n")]
    [InlineData("MULTI\r\nPING\r\nQUIT\r\n")]
    [InlineData("*1\r\n$4\r\nPINGxx*1\r\n$4\r\nQUIT\r\n")]
    public void Broken_and_inline_frames_answer_as_redis_does(string bytes)
    {
        pair.Compare(server => Converse(server, bytes));
    }

    [Fact]
    public void Lines_without_an_end_answer_as_redis_does()
    {
        foreach (string start in new[] { "", "*", "*2\r\n$" })
        {
            pair.Compare(server => Converse(server, start + new string('1', 70_000)));
        }
    }

    [Fact]
    public void A_password_is_asked_for_as_in_redis()
    {
        using RunningServer redis = StartRedis();
        using RunningServer own = TestServer.Start("64M");
        foreach (RunningServer server in new[] { redis, own })
        {
            using var first = new TextClient(server.Process.TcpEndPoint);
            Assert.Equal("+OK\r\n", first.Call("CONFIG", "SET", "requirepass", "secret"));
        }

        using var expected = new TextClient(redis.Process.TcpEndPoint);
        using var actual = new TextClient(own.Process.TcpEndPoint);
        foreach (string line in new[]
        {
            "PING", "GET a", "NOSUCH", "GET", "MULTI", "HELLO", "HELLO 3", "AUTH wrong", "AUTH default wrong",
            "AUTH user secret", "HELLO 3 AUTH default wrong",
            "HELLO 9 AUTH default secret", "AUTH secret", "SET a 1", "RESET", "GET a", "AUTH default secret", "GET a",
            "CONFIG GET requirepass",
        })
        {
            Assert.Equal($"{line}: {expected.Call(CommandLines.Split(line))}",
                $"{line}: {actual.Call(CommandLines.Split(line))}");
        }

        foreach (string bytes in new[] { "*11\r\n", "*2\r\n$16385\r\n" })
        {
            Assert.Equal(Converse(redis, bytes), Converse(own, bytes));
        }
    }

    private static RunningServer StartRedis() =>
        new(ServerProgram.Redis(Tool.Require("redis-server")));

    /// <summary>Sends bytes and a QUIT, and returns all that comes back.</summary>
    private static string Converse(RunningServer server, string bytes)
    {
        using var client = new TextClient(server.Process.TcpEndPoint);
        client.Send(Encoding.Latin1.GetBytes(bytes));
        return client.ReadToEnd();
    }

    private static string Normalize(string reply, char mode)
    {
        if (mode == '?')
        {
            return reply[..1];
        }

        if (mode != '~')
        {
            return reply;
        }

        string[] lines = reply.Split("\r\n");
        Array.Sort(lines, StringComparer.Ordinal);
        return string.Join("\r\n", lines);
    }

    // ":5\r\n" and ":6\r\n".
    private static bool AreNeighbours(string one, string other) =>
        long.TryParse(one.TrimStart(':'), CultureInfo.InvariantCulture, out long first)
        && long.TryParse(other.TrimStart(':'), CultureInfo.InvariantCulture, out long second)
        && Math.Abs(first - second) == 1;

    private static string Show(string reply)
    {
        string text = reply.Replace("\r", "\\r", StringComparison.Ordinal).Replace("\n", "\\n",
            StringComparison.Ordinal);
        return text.Length > 300 ? text[..300] + "…" : text;
    }
}
