using KvStore.Demo;

namespace KvStore.Tests.Infrastructure;

/// <summary>The tools of the other tests, on redis-server, whose answers are known.</summary>
public sealed class InfrastructureTests
{
    [Fact]
    public void The_client_reads_every_kind_of_reply_in_both_protocols()
    {
        using RunningServer server = StartRedis();
        using RespClient client = server.Connect();
        Assert.Equal("OK", client.Call("SET", "k", new byte[300_000]).Text);
        Assert.Equal(new byte[300_000], client.Call("GET", "k").Bytes);
        Assert.True(client.Call("GET", "none").IsNull);
        Assert.Equal(2, client.Call("RPUSH", "list", "a", "b").Integer);
        Assert.True(client.Call("INCR", "k").IsError);
        Assert.Equal(["a", "b"], client.Call("LRANGE", "list", 0, -1).Items!.Select(i => i.Text));

        Assert.Equal(RespKind.Map, client.Call("HELLO", "3").Kind);
        Assert.Equal(RespKind.Null, client.Call("GET", "none").Kind);
        foreach ((string what, RespKind kind) in new[]
        {
            ("double", RespKind.Double), ("true", RespKind.Boolean), ("bignum", RespKind.BigNumber),
            ("set", RespKind.Set), ("map", RespKind.Map),
            ("verbatim", RespKind.Verbatim), ("null", RespKind.Null),
        })
        {
            Assert.Equal(kind, client.Call("DEBUG", "PROTOCOL", what).Kind);
        }
    }

    [Fact]
    public void Replies_larger_than_all_buffers_do_not_stop_a_pipeline()
    {
        using RunningServer server = StartRedis();
        using RespClient client = server.ConnectUnix();
        var value = new byte[200_000];
        for (int i = 0; i < 100; i++)
        {
            client.Add("GETSET", "k", value);
        }

        client.Flush();
        Assert.True(client.Read().IsNull);
        for (int i = 1; i < 100; i++)
        {
            Assert.True(client.TryReadBulk(out ReadOnlySpan<byte> got));
            Assert.Equal(value.Length, got.Length);
        }
    }

    [Fact]
    public void A_server_can_be_killed_stopped_and_started_on_its_data()
    {
        using RunningServer server = StartRedis();
        using (RespClient client = server.Connect())
        {
            client.Call("SET", "k", "v");
        }

        server.Process.Kill();
        Assert.True(server.Process.HasExited);
        server.Restart();
        using (RespClient client = server.Connect())
        {
            Assert.Equal("v", client.Call("GET", "k").Text);
        }

        Assert.Equal(0, server.Process.Terminate());
        Printed.Contains("Redis", server.Process);
    }

    [Fact]
    public void A_server_that_cannot_start_says_what_it_wrote()
    {
        using var directory = new TemporaryDirectory();
        using var process = ServerProcess.Start(ServerProgram.Redis(Redis(), "--no-such-option", "x"), directory.Path);
        var e = Assert.Throws<InvalidOperationException>(() => process.WaitUntilReady());
        Assert.Contains("no-such-option", e.Message, StringComparison.Ordinal);
    }

    private static RunningServer StartRedis() =>
        new(ServerProgram.Redis(Redis(), "--appendonly", "yes", "--enable-debug-command", "local"));

    private static string Redis() => Tool.Require("redis-server");
}
