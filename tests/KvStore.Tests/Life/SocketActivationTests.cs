using System.Net;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>A listening socket that a service manager has and the server gets (LISTEN_FDS).</summary>
public sealed class SocketActivationTests
{
    [Fact]
    public void A_client_that_connects_while_no_server_runs_is_answered_by_the_next_one()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server takes no sockets.");
        using var unit = new SocketUnit();
        using var directory = new TemporaryDirectory();
        int port = ServerProcess.FreePort();
        using ServerProcess first = Start(unit, directory, port);
        using (var client = new TextClient(unit.EndPoint))
        {
            Assert.Equal("+OK\r\n", client.Call("SET", "key", "value"));
        }

        Assert.Equal(0, first.Terminate());
        using var waiting = new TextClient(unit.EndPoint); // in the kernel's queue
        using ServerProcess second = Start(unit, directory, port);

        Assert.Equal("$5\r\nvalue\r\n", waiting.Call("GET", "key"));
        Printed.Contains($"ready on {unit.EndPoint}", second);
    }

    [Fact]
    public void Sockets_that_were_passed_to_another_process_are_not_taken()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server takes no sockets.");
        using var unit = new SocketUnit { Receiver = "1" };
        using var directory = new TemporaryDirectory();
        unit.Listen(ServerProcess.FreePort());
        using ServerProcess server = Start(unit, directory);
        server.WaitUntilReady();

        Assert.NotEqual(unit.EndPoint, (IPEndPoint)server.TcpEndPoint);
        Printed.Contains($"ready on {server.TcpEndPoint}", server);
    }

    private static ServerProcess Start(SocketUnit unit, TemporaryDirectory directory, int? port = null) =>
        ServerProcess.Start(
            unit.Service(TestServer.Program("64M")), Path.Combine(directory.Path, "data"),
            port ?? ServerProcess.FreePort());
}
