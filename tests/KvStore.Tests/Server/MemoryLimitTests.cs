using System.Net.Sockets;
using System.Text;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Server;

/// <summary>What all clients together make the server hold is bounded: its resident memory says so, while they are
/// there and after.</summary>
public sealed class MemoryLimitTests
{
    private const long Megabyte = 1L << 20;

    /// <summary>
    /// What the collector, the allocator and the pools may have beside what is counted; the runtime's own heap and
    /// compiler come on top where the program is not native (124 MiB seen where the limit is 64).
    /// </summary>
    private static readonly long s_slack = (TestServer.IsNative ? 56 : 80) * Megabyte;

    /// <summary>Once the clients have gone.</summary>
    private const long SlackAfter = 24 * Megabyte;

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(1_000_000, 30, 20)]
    [InlineData(70_000, 400, 20)]
    [InlineData(20_000, 1500, 20)]
    [InlineData(100, 200_000, 20)]
    public void Replies_that_nobody_reads_stay_under_the_limit_of_all(int valueLength, int keys, int clients)
    {
        using RunningServer server = Start("--client-output-total-limit", "64mb");
        Fill(server, valueLength);
        byte[] request = Command("MGET", [.. Enumerable.Repeat("value", keys)]);
        using var memory = new MemoryWatch(server);

        List<Socket> slow = Connect(server, clients);
        slow.ForEach(client => TrySend(client, request));
        using var reader = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal(valueLength, reader.Call("GET", "value").Length - 5 - $"{valueLength}".Length);

        // The requests lie in the server too: 44 MB of them where there are 200,000 keys.
        long requests = (long)clients * request.Length;
        AssertBounded(server, "client_output_buffer_limit_disconnections", memory, slow, requests);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_client_that_reads_is_served_however_much_others_leave_unread()
    {
        using RunningServer server = Start("--client-output-total-limit", "32mb");
        Fill(server, 1_000_000);
        byte[] request = Command("MGET", [.. Enumerable.Repeat("value", 10)]);
        using var memory = new MemoryWatch(server);
        List<Socket> slow = [];

        for (int round = 0; round < 20; round++)
        {
            slow.AddRange(Connect(server, 3));
            slow.ForEach(client => TrySend(client, request));
            using RespClient reader = server.Connect();
            Assert.Equal(8, reader.Call(["MGET", .. Enumerable.Repeat<RespArgument>("value", 8)]).Items!.Length);
        }

        memory.AssertPeak(32 * Megabyte + s_slack);
        slow.ForEach(client => client.Dispose());
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Requests_that_do_not_end_stay_under_the_limit_of_all()
    {
        using RunningServer server = Start("--client-input-total-limit", "64mb");
        using var memory = new MemoryWatch(server);
        byte[] half = [.. "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000000\r\n"u8, .. new byte[30_000_000]];

        List<Socket> clients = Connect(server, 8);
        clients.ForEach(client => TrySend(client, half));
        server.AssertServes();
        AssertBounded(server, "client_query_buffer_limit_disconnections", memory, clients);
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData("SET a ", 100_000, 300)]
    [InlineData("PING", 0, 1_000_000)]
    public void Transactions_that_do_not_end_stay_under_the_limit_of_all(string command, int more, int times)
    {
        using RunningServer server = Start("--client-input-total-limit", "64mb");
        using var memory = new MemoryWatch(server);
        string[] words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[] args = more > 0 ? [.. words, new string('x', more)] : words;
        byte[] line = Command(args[0], args[1..]);
        int atOnce = more > 0 ? 100 : 10_000;
        byte[] piece = [.. Enumerable.Repeat(line, atOnce).SelectMany(b => b)];

        List<Socket> clients = Connect(server, 6);
        clients.ForEach(client => TrySend(client, Command("MULTI")));
        foreach (Socket client in clients)
        {
            for (int sent = 0; sent < times; sent += atOnce)
            {
                TrySend(client, piece);
                Drain(client);
            }
        }

        server.AssertServes();
        AssertBounded(server, "client_query_buffer_limit_disconnections", memory, clients);
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData("inline")]
    [InlineData("arguments")]
    public void What_a_client_sent_once_does_not_stay_without_being_counted(string kind)
    {
        using RunningServer server = Start("--client-input-total-limit", "64mb");
        byte[] request = kind switch
        {
            "inline" => [.. "ECHO "u8, .. Enumerable.Repeat((byte)'x', 60_000), .. "\r\n"u8],
            _ => [.. "*1000000\r\n"u8, .. Enumerable.Repeat("$0\r\n\r\n"u8.ToArray(), 200_000).SelectMany(b => b)],
        };
        using var memory = new MemoryWatch(server);

        List<Socket> clients = Connect(server, kind == "inline" ? 2000 : 100);
        foreach (Socket client in clients)
        {
            TrySend(client, request);
            if (kind == "inline")
            {
                Drain(client);
            }
        }

        server.AssertServes();
        memory.AssertPeak(64 * Megabyte + s_slack);
        clients.ForEach(client => client.Dispose());
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData("CLIENT SETNAME", "-ERR Client names have at most 1024 bytes.\r\n")]
    [InlineData("CLIENT SETINFO lib-name", "-ERR lib-name has at most 1024 bytes.\r\n")]
    [InlineData("HELLO 2 SETNAME", "-ERR Client names have at most 1024 bytes.\r\n")]
    public void Names_are_no_place_to_keep_bytes(string command, string expected)
    {
        using RunningServer server = Start();
        using var client = new TextClient(server.Process.TcpEndPoint);

        Assert.Equal(expected, client.Call([.. command.Split(' '), new string('x', 1025)]));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void KEYS_gathers_no_more_than_a_client_may_have_unread()
    {
        using RunningServer server = Start("--client-output-hard-limit", "1mb", "--client-output-total-limit", "16mb");
        using (RespClient client = server.Connect())
        {
            for (int i = 0; i < 100; i++)
            {
                client.Call("SET", $"{i}{new string('k', 60_000)}", "");
            }
        }

        using var greedy = new TextClient(server.Process.TcpEndPoint);

        Assert.Equal("(closed)", greedy.Call("KEYS", "*"));
        server.AssertServes();
    }

    private static RunningServer Start(params string[] more) =>
        new(ServerProgram.KvStore(TestServer.KvStorePath, ["--size", "256M", .. more]));

    private static void Fill(RunningServer server, int length)
    {
        using RespClient client = server.Connect();
        Assert.Equal("OK", client.Call("SET", "value", new byte[length]).Text);
    }

    private static byte[] Command(string name, params string[] arguments) => Encoding.ASCII.GetBytes(
        $"*{arguments.Length + 1}\r\n" + string.Concat(arguments.Prepend(name).Select(a => $"${a.Length}\r\n{a}\r\n")));

    private static List<Socket> Connect(RunningServer server, int count)
    {
        List<Socket> clients = [];
        for (int i = 0; i < count; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(server.Process.TcpEndPoint);
            socket.SendTimeout = 10_000; // on a busy machine the server takes its time to read
            clients.Add(socket);
        }

        return clients;
    }

    private static void TrySend(Socket client, byte[] bytes)
    {
        try
        {
            client.Send(bytes);
        }
        catch (SocketException)
        {
            // The server closed it: that is what it may do.
        }
    }

    private static void Drain(Socket client)
    {
        var sink = new byte[1 << 16];
        try
        {
            while (client.Poll(1000, SelectMode.SelectRead) && client.Receive(sink) > 0)
            {
                // What comes back is of no interest here.
            }
        }
        catch (SocketException)
        {
            // The server closed it.
        }
    }

    /// <summary>The limit of 64 MiB closed clients and held, and the memory of the others goes with them. Another limit
    /// lets them have <paramref name="more"/> bytes beside it.</summary>
    private static void AssertBounded(
        RunningServer server, string closed, MemoryWatch memory, List<Socket> clients, long more = 0)
    {
        // What was sent may be run after a later client's command: it is waited for.
        using var reader = new TextClient(server.Process.TcpEndPoint);
        bool closes = SpinWait.SpinUntil(() => reader.Info("stats", closed) != 0, Patience.Limit);
        Assert.True(closes, $"{closed}: 0");
        memory.AssertPeak(64 * Megabyte + more + s_slack);
        clients.ForEach(client => client.Dispose());
        memory.AssertFallsTo(SlackAfter);
    }

    /// <summary>Looks at the process's own memory all the time: the arena's pages are shared, and are not in
    /// it.</summary>
    private sealed class MemoryWatch : IDisposable
    {
        private static readonly TimeSpan s_patience = Patience.Limit;

        private readonly RunningServer _server;
        private readonly Thread _thread;
        private readonly long _before;
        private long _peak;
        private volatile bool _stop;

        public MemoryWatch(RunningServer server)
        {
            _server = server;
            _before = server.ResidentBytes;
            _thread = new Thread(Look) { IsBackground = true };
            _thread.Start();
        }

        public void AssertPeak(long most)
        {
            long peak = Math.Max(Volatile.Read(ref _peak), _server.ResidentBytes) - _before;
            Assert.True(peak <= most, $"{peak >> 20} MiB more than before, and {most >> 20} are allowed.");
        }

        public void AssertFallsTo(long most) =>
            Assert.True(
                SpinWait.SpinUntil(() => _server.ResidentBytes - _before <= most, s_patience),
                $"{(_server.ResidentBytes - _before) >> 20} MiB stay, and {most >> 20} are allowed.");

        public void Dispose()
        {
            _stop = true;
            _thread.Join();
        }

        private void Look()
        {
            while (!_stop)
            {
                Volatile.Write(ref _peak, Math.Max(_peak, _server.ResidentBytes));
                Thread.Sleep(2);
            }
        }
    }
}
