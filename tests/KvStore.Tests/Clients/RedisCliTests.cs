using System.Text;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Clients;

/// <summary>redis-cli, as people use it.</summary>
public sealed class RedisCliTests
{
    [Theory]
    [InlineData("-2")]
    [InlineData("-3")]
    public void Commands_and_their_replies(string protocol)
    {
        using RunningServer server = TestServer.Start();
        Assert.Equal("PONG", Cli(server, protocol, "PING"));
        Assert.Equal("OK", Cli(server, protocol, "SET", "k", "a value", "EX", "100"));
        Assert.Equal("\"a value\"", Cli(server, protocol, "--no-raw", "GET", "k"));
        Assert.Equal("(integer) 7", Cli(server, protocol, "--no-raw", "STRLEN", "k"));
        Assert.Equal("(nil)", Cli(server, protocol, "--no-raw", "GET", "none"));
        Assert.Equal("(error) ERR value is not an integer or out of range",
            Cli(server, protocol, "--no-raw", "INCR", "k"));
        Assert.Equal("1) \"a value\"\n2) (nil)", Cli(server, protocol, "--no-raw", "MGET", "k", "none"));
        Assert.StartsWith("(error) ERR unknown command 'NONSENSE'", Cli(server, protocol, "--no-raw", "NONSENSE", "1"),
            StringComparison.Ordinal);
        Assert.StartsWith("(error) ERR wrong number of arguments for 'get' command",
            Cli(server, protocol, "--no-raw", "GET"), StringComparison.Ordinal);
        Assert.Contains("redis_version:", Cli(server, protocol, "INFO", "server"), StringComparison.Ordinal);
        Assert.Equal("OK\nQUEUED\nQUEUED\nOK\n1", Session(server, protocol, "MULTI\nSET t 0\nINCR t\nEXEC\n"));
    }

    [Fact]
    public void Scan_finds_every_key()
    {
        using RunningServer server = TestServer.Start();
        string commands = string.Concat(Enumerable.Range(0, 3000).Select(i => $"SET key:{i} {i}\r\n"));
        Assert.Contains("errors: 0, replies: 3000", Pipe(server, commands), StringComparison.Ordinal);
        Assert.Equal("3000", Cli(server, "DBSIZE"));
        string[] keys = Cli(server, "--scan", "--pattern", "key:*").Split('\n');
        Assert.Equal(Enumerable.Range(0, 3000).Select(i => $"key:{i}").Order(StringComparer.Ordinal),
            keys.Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void The_pipe_mode_takes_a_hundred_thousand_commands()
    {
        using RunningServer server = TestServer.Start();
        var commands = new StringBuilder();
        for (int i = 0; i < 100_000; i++)
        {
            string key = $"bulk:{i}", value = $"value {i}";
            commands.Append($"*3\r\n$3\r\nSET\r\n${key.Length}\r\n{key}\r\n${value.Length}\r\n{value}\r\n");
        }

        Assert.Contains("errors: 0, replies: 100000", Pipe(server, commands.ToString()), StringComparison.Ordinal);
        Assert.Equal("value 99999", Cli(server, "GET", "bulk:99999"));
        Assert.Equal("100000", Cli(server, "DBSIZE"));
    }

    [Fact]
    public void The_unix_socket_answers()
    {
        using RunningServer server = TestServer.Start();
        string path = server.Process.UnixEndPoint!.ToString();
        Assert.Equal("PONG", Run(["-s", path, "PING"], null));
    }

    private static string Cli(RunningServer server, params string[] arguments) =>
        Run(["-p", $"{server.Port}", .. arguments], null);

    private static string Session(RunningServer server, string protocol, string commands) =>
        Run(["-p", $"{server.Port}", protocol], Encoding.UTF8.GetBytes(commands));

    private static string Pipe(RunningServer server, string commands) =>
        Run(["-p", $"{server.Port}", "--pipe"], Encoding.UTF8.GetBytes(commands));

    private static string Run(string[] arguments, byte[]? input)
    {
        (int code, string output, string error) = Tool.Run(Tool.Require("redis-cli"), arguments, input);
        Assert.True(code == 0 && error.Length == 0,
            $"redis-cli {string.Join(' ', arguments)} ended with {code}:\n{output}\n{error}");
        return output.TrimEnd('\n');
    }
}
