using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Server;

/// <summary>
/// What clients do that they should not: it costs them their connection at most, and the others nothing.
/// </summary>
public sealed class LimitTests
{
    [Fact]
    public void More_clients_than_allowed_are_told_so()
    {
        using RunningServer server = Start("--maxclients", "3");
        using var first = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("+PONG\r\n", first.Call("PING"));
        List<TextClient> clients = [];
        string refused = "";
        for (int i = 0; i < 4; i++)
        {
            var client = new TextClient(server.Process.TcpEndPoint);
            clients.Add(client);
            string reply = client.Call("PING");
            refused = reply[0] == '-' ? reply : refused;
        }

        Assert.Equal("-ERR max number of clients reached\r\n", refused);
        clients.ForEach(c => c.Dispose());
        Assert.True(SpinWait.SpinUntil(() => Connects(server), Patience.Limit),
            "A place became free, but nobody was let in.");
    }

    [Fact]
    [Trait("speed", "slow")]
    public void An_idle_client_is_closed_after_its_time()
    {
        using RunningServer server = Start("--timeout", "1");
        using var idle = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("+PONG\r\n", idle.Call("PING"));
        Assert.Equal("", idle.ReadToEnd());
        server.AssertServes();
    }

    [Fact]
    public void An_unfinished_request_over_the_limit_ends_its_connection()
    {
        using RunningServer server = Start("--client-query-buffer-limit", "1mb");
        using var client = new TextClient(server.Process.TcpEndPoint);
        client.Send(Encoding.ASCII.GetBytes("*2\r\n$3\r\nGET\r\n$100000000\r\nabc"));
        Assert.Equal("", client.ReadToEnd());
        server.AssertServes();
    }

    [Fact]
    public void Large_values_announced_by_many_and_sent_by_none_take_no_memory()
    {
        using RunningServer server = Start();
        List<TextClient> clients = [];
        for (int i = 0; i < 200; i++)
        {
            var client = new TextClient(server.Process.TcpEndPoint);
            client.Send(Encoding.ASCII.GetBytes("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$500000000\r\nabc"));
            clients.Add(client);
        }

        server.AssertServes();
        Assert.InRange(server.ResidentBytes, 0, 400L << 20);
        clients.ForEach(c => c.Dispose());
    }

    [Fact]
    public void Who_does_not_read_replies_is_not_read_from()
    {
        using RunningServer server = Start();
        using var other = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("+OK\r\n", other.Call("SET", "big", new string('x', 1 << 20)));
        using var slow = new TextClient(server.Process.TcpEndPoint);
        // 2 GB of replies
        slow.Send([.. Enumerable.Repeat("*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n"u8.ToArray(), 2000).SelectMany(b => b)]);
        server.AssertServes();
        Thread.Sleep(300);
        Assert.InRange(server.ResidentBytes, 0, 300L << 20);
        Assert.InRange(other.Info("stats", "total_commands_processed"), 1, 300);
    }

    [Fact]
    public void A_reply_over_the_hard_limit_ends_its_connection()
    {
        using RunningServer server = Start("--client-output-hard-limit", "1mb");
        using var client = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("+OK\r\n", client.Call("SET", "big", new string('x', 3 << 20)));
        Assert.Equal("(closed)", client.Call("GET", "big"));
        using var other = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal(1, other.Info("stats", "client_output_buffer_limit_disconnections"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Ten_thousand_idle_connections_take_little()
    {
        const int Count = 10_000;
        using RunningServer server = Start("--maxclients", "20000");
        using var active = new TextClient(server.Process.TcpEndPoint);
        active.Call("PING");
        long before = server.ResidentBytes;
        List<Socket> idle = [];
        try
        {
            for (int i = 0; i < Count; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                idle.Add(socket);
                socket.Connect(server.Process.TcpEndPoint);
            }

            Assert.True(SpinWait.SpinUntil(() => active.Info("clients", "connected_clients") > Count,
                Patience.Limit));
            Assert.InRange((server.ResidentBytes - before) / Count, 0, 16 * 1024);
            Assert.Equal("+OK\r\n", active.Call("SET", "a", "1"));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.TooManyOpenSockets)
        {
            Assert.Skip($"This process may open only {idle.Count} sockets.");
        }
        finally
        {
            idle.ForEach(s => s.Dispose());
        }

        Assert.True(SpinWait.SpinUntil(() => active.Info("clients", "connected_clients") == 1,
            Patience.Limit));
    }

    [Fact]
    public void A_transaction_that_never_ends_ends_its_connection()
    {
        using RunningServer server = Start("--client-query-buffer-limit", "1mb");
        using var client = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("+OK\r\n", client.Call("MULTI"));
        string value = new('x', 100_000);
        string last = "";
        for (int i = 0; i < 12 && !last.Contains("(closed)", StringComparison.Ordinal); i++)
        {
            last = client.Call("SET", "a", value);
        }

        Assert.Contains("(closed)", last, StringComparison.Ordinal);
        server.AssertServes();
    }

    [Fact]
    public void A_file_under_the_unix_sockets_name_is_not_deleted_but_a_dead_servers_socket_is()
    {
        using var directory = new TemporaryDirectory();
        string path = Path.Combine(directory.Path, "precious");
        File.WriteAllText(path, "mine");
        string arena = Path.Combine(directory.Path, "arena");
        Directory.CreateDirectory(arena);
        (int exitCode, _, string error) = Tool.Run(
            TestServer.KvStorePath, ["--port", "0", "--unixsocket", path, "--arena", arena, "--size", "64M"]);
        Assert.Equal((2, $"KvStore: --unixsocket {path}: there is a file of this name, which is not a socket\n"),
            (exitCode, error));
        Assert.Equal("mine", File.ReadAllText(path));
        File.Delete(path);

        ServerProgram program = ServerProgram.KvStore(TestServer.KvStorePath, "--size", "64M");
        using (ServerProcess killed = ServerProcess.Start(program, arena, socketPath: path))
        {
            killed.WaitUntilReady();
            killed.Kill();
        }

        Assert.True(File.Exists(path));
        using ServerProcess next = ServerProcess.Start(program, arena, socketPath: path);
        next.WaitUntilReady();
        using RespClient client = RespClient.Connect(next.UnixEndPoint!);
        Assert.Equal("PONG", client.Call("PING").Text);
        client.Dispose();
        Assert.Equal(0, next.Terminate());
        Assert.False(File.Exists(path));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_large_value_comes_back_whole()
    {
        using RunningServer server = Start();
        using RespClient client = server.Connect();
        var value = new byte[60 << 20];
        new Random(7).NextBytes(value);
        Assert.Equal("OK", client.Call("SET", "large", value).Text);
        Assert.Equal(value, client.Call("GET", "large").Bytes);
        Assert.Equal(value.Length + 3, client.Call("APPEND", "large", "end").Integer);
        Assert.Equal(value[^5..].Concat("end"u8.ToArray()),
            client.Call("GETRANGE", "large", value.Length - 5, -1).Bytes!);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void One_client_that_never_stops_does_not_starve_the_others()
    {
        using RunningServer server = Start();
        using var stop = new CancellationTokenSource();
        var flood = new Thread(() => Flood(server, stop.Token));
        flood.Start();
        using var other = new TextClient(server.Process.TcpEndPoint);
        TimeSpan slowest = TimeSpan.Zero;
        for (int i = 0; i < 100; i++)
        {
            long start = Stopwatch.GetTimestamp();
            Assert.Equal("+PONG\r\n", other.Call("PING"));
            TimeSpan took = Stopwatch.GetElapsedTime(start);
            slowest = took > slowest ? took : slowest;
        }

        stop.Cancel();
        flood.Join();
        Assert.InRange(slowest, TimeSpan.Zero, Patience.Limit / 4);
    }

    private static void Flood(RunningServer server, CancellationToken stop)
    {
        byte[] pings = [.. Enumerable.Repeat("*1\r\n$4\r\nPING\r\n"u8.ToArray(), 5000).SelectMany(b => b)];
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(server.Process.TcpEndPoint);
        var drain = new Thread(() =>
        {
            var sink = new byte[1 << 16];
            while (client.Receive(sink) > 0)
            {
                // What comes back is of no interest here.
            }
        });
        drain.Start();
        while (!stop.IsCancellationRequested)
        {
            client.Send(pings);
        }

        client.Shutdown(SocketShutdown.Send);
        drain.Join();
    }

    private static RunningServer Start(params string[] more) =>
        new(ServerProgram.KvStore(TestServer.KvStorePath, ["--size", "256M", .. more]));

    private static bool Connects(RunningServer server)
    {
        using var client = new TextClient(server.Process.TcpEndPoint);
        return client.Call("PING") == "+PONG\r\n";
    }
}
