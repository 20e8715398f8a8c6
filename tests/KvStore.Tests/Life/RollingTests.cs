using System.Diagnostics;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>A successor is there before its predecessor has gone.</summary>
public sealed class RollingTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_patience = Patience.Limit;

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(false)]
    [InlineData(true)]
    public void A_successor_waits_for_store_and_address_and_takes_over(bool killed)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server does not wait.");
        using RunningServer server = TestServer.Start("64M");
        using (RespClient client = server.Connect())
        {
            client.Call("SET", "k", "v");
        }

        using ServerProcess next = ServerProcess.Start(Waiting(60), server.DataDirectory, server.Port);
        Thread.Sleep(500);
        Assert.False(next.HasExited, next.Output);

        long start = Stopwatch.GetTimestamp();
        if (killed)
        {
            server.Process.Kill();
        }
        else
        {
            Assert.Equal(0, server.Process.Terminate());
        }

        next.WaitUntilReady();
        double taken = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        output.WriteLine($"{taken:0} ms from the signal to the next answer");
        using RespClient again = RespClient.Connect(next.TcpEndPoint);
        Assert.Equal("v", again.Call("GET", "k").Text);
        string kind = killed ? "attach_kind:recovered" : "attach_kind:warm";
        Assert.Contains(kind, again.Call("INFO").Text, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void When_the_time_is_over_it_ends_and_says_who_has_the_store()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server does not wait.");
        using RunningServer server = TestServer.Start("64M");

        using ServerProcess next = ServerProcess.Start(Waiting(1), server.DataDirectory);

        Assert.True(SpinWait.SpinUntil(() => next.HasExited, s_patience), next.Output);
        Assert.Equal(1, next.ExitCode);
        Printed.Contains("GMF1003", next);
        Printed.Contains($"process {server.Process.Id} ", next);
        Printed.Contains("in the 1 s that were waited", next);
        Assert.Equal("PONG", server.Connect().Call("PING").Text);
    }

    [Fact]
    public void Sockets_that_systemd_passes_are_served()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server binds itself.");
        string activate = Tool.Require("systemd-socket-activate");
        using var directory = new TemporaryDirectory();
        ServerProgram program = TestServer.Program("64M");
        int port = ServerProcess.FreePort();
        using ServerProcess server = ServerProcess.Start(
            program with
            {
                Executable = activate,
                Arguments = (data, own, socket) =>
                    ["-l", $"127.0.0.1:{port}", program.Executable, .. program.Arguments(data, own, socket)],
            },
            directory.Path,
            port);

        server.WaitUntilReady(); // It is started by the first connection, which waits.

        using RespClient client = RespClient.Connect(server.TcpEndPoint);
        Assert.Equal("OK", client.Call("SET", "k", "v").Text);
        Printed.Contains($"ready on 127.0.0.1:{port}: ", server);
    }

    private static ServerProgram Waiting(int seconds)
    {
        ServerProgram program = TestServer.Program("64M");
        return program with
        {
            Arguments = (directory, port, socket) =>
                [.. program.Arguments(directory, port, socket), "--wait-for-writer", $"{seconds}"],
        };
    }
}
