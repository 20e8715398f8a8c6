using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Replication;

/// <summary>Replicas that lie, stop reading, or send what makes no sense: they lose their connection, and nobody
/// else notices.</summary>
[Trait("speed", "slow")]
public sealed class HostileReplicaTests : IDisposable
{
    private readonly RunningServer _server;
    private readonly RespClient _client;

    public HostileReplicaTests()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server's own replication.");
        _server = new RunningServer(ServerProgram.KvStore(TestServer.KvStorePath, "--size", "256M"));
        _client = _server.Connect();
        _client.Call("SET", "k", "v");
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [Theory]
    [InlineData("REPLCONF", "-ERR wrong number")]
    [InlineData("REPLCONF listening-port", "-ERR syntax error")]
    [InlineData("REPLCONF listening-port x", "-ERR value is not an integer")]
    [InlineData("REPLCONF listening-port 1 capa", "-ERR syntax error")]
    [InlineData("REPLCONF nothing 1", "-ERR Unrecognized REPLCONF option: nothing")]
    [InlineData("REPLCONF rdb-only x", "-ERR value is not an integer")]
    [InlineData("REPLCONF ip-address 1234567890123456789012345678901234567890123456", "-ERR REPLCONF ip-address")]
    [InlineData("PSYNC ?", "-ERR wrong number")]
    public void What_makes_no_sense_is_refused_and_the_connection_stays(string command, string reply)
    {
        using TextClient replica = new(_server.Process.TcpEndPoint);
        string said = replica.Call(command.Split(' '));

        if (command == "REPLCONF")
        {
            Assert.Equal("+OK\r\n", said); // as in Redis, nothing is said of nothing
        }
        else
        {
            Assert.StartsWith(reply, said, StringComparison.Ordinal);
        }

        Assert.Equal("+PONG\r\n", replica.Call("PING"));
    }

    [Theory]
    [InlineData("?", "-1")]
    [InlineData("?", "x")]
    [InlineData("0000000000000000000000000000000000000000", "1")]
    [InlineData("\r\n+OK\r\n", "1")]
    [InlineData("HISTORY", "9223372036854775807")]
    [InlineData("HISTORY", "-9223372036854775808")]
    [InlineData("HISTORY", "0")]
    [InlineData("HISTORY", "99999999999999999999999")]
    [InlineData("HISTORY", "1000000")]
    public void One_that_lies_about_what_it_has_gets_all_keys(string id, string offset)
    {
        string history = BeginHistory();
        using Socket replica = Connect();
        Send(replica, "PSYNC", id == "HISTORY" ? history : id, offset);

        string reply = Receive(replica, "FULLRESYNC");

        Assert.StartsWith($"+FULLRESYNC {history} ", reply, StringComparison.Ordinal);
        _server.AssertServes();
    }

    [Theory]
    [InlineData("1")]
    [InlineData("14")]
    public void One_whose_offset_is_in_the_backlog_goes_on_there(string offset)
    {
        string history = BeginHistory();
        _client.Call("SET", "k", "w");
        using Socket replica = Connect();
        Send(replica, "REPLCONF", "capa", "psync2");
        Receive(replica, "OK\r\n");
        Send(replica, "PSYNC", history, offset);

        Assert.StartsWith($"+CONTINUE {history}\r\n", Receive(replica, "\r\nw\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_acknowledges_what_was_never_sent_is_closed()
    {
        using Socket replica = Follow();
        Send(replica, "REPLCONF", "ACK", "123456789");

        Assert.Equal("(closed)", ReceiveAll(replica));
        Printed.Contains("it says that it has 123456789 bytes", _server.Process);
        Assert.Equal(0, _client.Call("WAIT", 1, 50).Integer);
    }

    [Fact]
    public void One_that_does_not_read_is_closed_at_its_limit()
    {
        _client.Call("CONFIG", "SET", "client-output-buffer-limit", "replica 4mb 0 0");
        using Socket replica = Follow();
        Send(replica, "REPLCONF", "ACK", "0");
        var value = new byte[100_000];
        for (int i = 0; i < 400; i++)
        {
            Assert.Equal("OK", _client.Call("SET", "k", value).Text);
        }

        Printed.Contains("client-output-buffer-limit is 'replica 4194304 0 0'", _server.Process);
        Assert.InRange(_server.ResidentBytes, 0, 200L << 20);
        _server.AssertServes();
    }

    [Fact]
    public void One_that_never_reads_the_copy_is_closed_at_its_limit()
    {
        var value = new byte[100_000];
        for (int i = 0; i < 300; i++)
        {
            _client.Call("SET", "k" + i.ToString(CultureInfo.InvariantCulture), value);
        }

        _client.Call("CONFIG", "SET", "client-output-buffer-limit", "replica 2mb 0 0");
        using Socket replica = Connect();
        Send(replica, "SYNC");
        Assert.True(SpinWait.SpinUntil(() => Follower.InfoOf(_client, "connected_slaves") == "1", Patience.Limit));
        for (int i = 0; i < 40; i++)
        {
            _client.Call("SET", "k", value);
        }

        Printed.Contains("client-output-buffer-limit is 'replica 2097152 0 0'", _server.Process);
        Assert.True(SpinWait.SpinUntil(() => Follower.InfoOf(_client, "connected_slaves") == "0", Patience.Limit));
        _server.AssertServes();
    }

    [Fact]
    public void Many_that_ask_for_all_keys_and_go_leave_nothing()
    {
        for (int round = 0; round < 50; round++)
        {
            using Socket replica = Connect();
            Send(replica, "PSYNC", "?", "-1");
            if (round % 3 == 0)
            {
                Receive(replica, "\r\n");
            }
        }

        Assert.True(SpinWait.SpinUntil(() => Follower.InfoOf(_client, "connected_slaves") == "0", Patience.Limit));
        using Socket last = Connect();
        Assert.True(
            SpinWait.SpinUntil(
                () =>
                {
                    using Socket again = Connect();
                    Send(again, "PSYNC", "?", "-1");
                    return Receive(again, "\r\n").Contains("FULLRESYNC", StringComparison.Ordinal);
                },
                Patience.Limit));
    }

    [Fact]
    public void A_transaction_and_a_script_cannot_become_a_replica()
    {
        using TextClient client = new(_server.Process.TcpEndPoint);
        client.Call("MULTI");
        Assert.StartsWith("-ERR Command not allowed inside a transaction", client.Call("PSYNC", "?", "-1"),
            StringComparison.Ordinal);
        client.Call("DISCARD");
        Assert.Contains("not allowed from script", client.Call("EVAL", "return redis.call('SYNC')", "0"),
            StringComparison.Ordinal);
        Assert.Equal("0", Follower.InfoOf(_client, "repl_backlog_active"));
    }

    /// <summary>The history's id, once there is one.</summary>
    private string BeginHistory()
    {
        using Socket first = Connect();
        Send(first, "PSYNC", "?", "-1");
        Receive(first, "FULLRESYNC");
        return Follower.InfoOf(_client, "master_replid");
    }

    /// <summary>A replica that has all keys, and is sent each change once it has said so.</summary>
    private Socket Follow()
    {
        Socket replica = Connect();
        Send(replica, "SYNC");
        Receive(replica, "REDIS");
        Assert.True(SpinWait.SpinUntil(
            () => Follower.InfoOf(_client, "slave0").Contains("=online", StringComparison.Ordinal), Patience.Limit));
        return replica;
    }

    private Socket Connect()
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp)
        {
            ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds,
        };
        socket.Connect((IPEndPoint)_server.Process.TcpEndPoint);
        return socket;
    }

    private static void Send(Socket socket, params string[] words) => socket.Send(Encoding.Latin1.GetBytes(
        $"*{words.Length}\r\n{string.Concat(words.Select(it => $"${it.Length}\r\n{it}\r\n"))}"));

    /// <summary>What comes until a text does.</summary>
    private static string Receive(Socket socket, string until)
    {
        StringBuilder all = new();
        byte[] buffer = new byte[4096];
        while (!all.ToString().Contains(until, StringComparison.Ordinal))
        {
            int count = socket.Receive(buffer);
            Assert.True(count > 0, $"closed after: {all}");
            all.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }

        return all.ToString();
    }

    private static string ReceiveAll(Socket socket)
    {
        byte[] buffer = new byte[65536];
        try
        {
            while (socket.Receive(buffer) > 0)
            {
                // The rest of what was sent.
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // That is closed too.
        }

        return "(closed)";
    }
}
