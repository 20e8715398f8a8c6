using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>Servers that end soon after they have started, one after the other.</summary>
public sealed class CrashLoopTests
{
    private const int Limit = 3;

    [Fact]
    [Trait("speed", "slow")]
    public void The_store_is_set_aside_and_said_so()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server counts no restarts.");
        using RunningServer server = Killed();

        server.Launch(With("set-aside")).WaitUntilReady();

        Printed.Contains("GMF5023", server.Process);
        using RespClient client = server.Connect();
        Assert.Equal(0, client.Call("DBSIZE").Integer);
        Assert.Contains("attach_reason:GMF5023 ", client.Call("INFO").Text, StringComparison.Ordinal);
        string aside = Assert.Single(Directory.GetDirectories(server.DataDirectory, "aside-*"));
        using ServerProcess old = ServerProcess.Start(TestServer.Program("64M"), aside);
        old.WaitUntilReady();
        using RespClient other = RespClient.Connect(old.TcpEndPoint);
        Assert.Equal("v", other.Call("GET", "k").Text);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void The_store_is_opened_read_only_and_said_so()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server counts no restarts.");
        using RunningServer server = Killed();

        server.Launch(With("read-only")).WaitUntilReady();

        Printed.Contains("GMF5024", server.Process);
        using (RespClient client = server.Connect())
        {
            Assert.Equal("v", client.Call("GET", "k").Text);
            RespArgument[][] writes = [["SET", "k", "w"], ["INCR", "n"], ["DEL", "k"], ["FLUSHALL"]];
            foreach (RespArgument[] command in writes)
            {
                RespReply reply = client.Call(command);
                Assert.True(reply.IsError && reply.Text.StartsWith("READONLY ", StringComparison.Ordinal), $"{reply}");
            }

            Assert.Equal("v", client.Call("GET", "k").Text);
            Assert.Contains("arena_read_only:1", client.Call("INFO").Text, StringComparison.Ordinal);
            Thread.Sleep(300); // The housekeeping has its turns.
            Assert.DoesNotContain("housekeeping", server.Process.Output, StringComparison.Ordinal);
        }

        Assert.Equal(0, server.Process.Terminate());
        server.Launch(With("report")).WaitUntilReady();
        Printed.Contains("GMF5022", server.Process);
        using RespClient writer = server.Connect();
        Assert.Contains($"attach_early_ends:{Limit}", writer.Call("INFO").Text, StringComparison.Ordinal);
        Assert.Equal("OK", writer.Call("SET", "k", "w").Text);
    }

    private static RunningServer Killed()
    {
        var server = new RunningServer(With("report"));
        using (RespClient client = server.Connect())
        {
            client.Call("SET", "k", "v");
        }

        server.Process.Kill();
        for (int i = 1; i < Limit; i++)
        {
            server.Launch(With("report")).WaitUntilReady();
            server.Process.Kill();
        }

        return server;
    }

    private static ServerProgram With(string action)
    {
        ServerProgram program = TestServer.Program("64M");
        return program with
        {
            Arguments = (directory, port, socket) =>
            [
                .. program.Arguments(directory, port, socket), "--crash-loop", action, "--crash-loop-limit", $"{Limit}",
            ],
        };
    }
}
