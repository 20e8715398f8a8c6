using System.Net;
using System.Net.Sockets;
using KvStore.Demo;
using KvStore.Engine;
using KvStore.Server;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Server;

/// <summary>The server listens before it has its keys.</summary>
public sealed class ServerSocketsTests
{
    [Fact]
    public void A_client_that_comes_before_the_store_is_open_waits_and_is_answered()
    {
        using var directory = new TemporaryDirectory();
        var options = new ServerOptions
        {
            ArenaDirectory = Path.Combine(directory.Path, "arena"), Size = 64 << 20, Port = ServerProcess.FreePort(),
            Bind = "127.0.0.1", UnixSocket = Path.Combine(directory.Path, "socket"),
        };
        using ServerSockets sockets = ServerSockets.Listen(options);
        using var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream,
            ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
        using var unix = new Socket(AddressFamily.Unix, SocketType.Stream,
            ProtocolType.Unspecified) { ReceiveTimeout = 10_000 };
        tcp.Connect(IPAddress.Loopback, options.Port);
        unix.Connect(new UnixDomainSocketEndPoint(options.UnixSocket));
        tcp.Send("PING\r\n"u8);
        unix.Send("PING\r\n"u8);

        using Keyspace keyspace = Keyspace.Open(options);
        using var server = new KvServer(options, keyspace);
        server.Start(sockets, []);

        byte[] reply = new byte[7];
        Assert.Equal((7, 7), (tcp.Receive(reply), unix.Receive(reply)));
        Assert.Equal("+PONG\r\n"u8.ToArray(), reply);
    }

    [Fact]
    public void A_server_that_cannot_open_its_store_leaves_no_socket_behind()
    {
        using var directory = new TemporaryDirectory();
        string socket = Path.Combine(directory.Path, "socket");
        (int exitCode, _, string error) = Tool.Run(
            TestServer.KvStorePath, ["--port", "0", "--unixsocket", socket, "--arena", "/proc/nothing/here", "--size",
                "64M"]);
        Assert.Equal(1, exitCode);
        Assert.Contains("cannot open the store", error, StringComparison.Ordinal);
        Assert.False(File.Exists(socket));
    }
}
