using System.Text;
using KvStore.Demo;
using KvStore.HandOver;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.HandOver;

/// <summary>A successor takes store, sockets and clients over from the server that runs.</summary>
public sealed class HandOverTests(ITestOutputHelper output)
{
    [Fact]
    [Trait("speed", "slow")]
    public void Under_load_no_reply_is_lost_or_doubled_however_often_it_is_handed_over()
    {
        using var lab = new HandOverLab();
        using var load = new PipelinedLoad(lab.EndPoint, clients: 6, depth: 16);
        using var large = new PipelinedLoad(lab.EndPoint, clients: 2, depth: 1, large: 3_000_000);

        for (int i = 0; i < 4; i++)
        {
            load.WaitForMore(1000);
            large.WaitForMore(60);
            _ = load.TakeLongest();
            lab.Succeed(); // there, and back again
            load.WaitForMore(1000);
            output.WriteLine($"{load.TakeLongest().TotalMilliseconds:0.0} ms without an answer, at most");
        }

        large.WaitForMore(60);
        Assert.Equal("", load.End());
        Assert.Equal("", large.End());
        output.WriteLine($"{load.Replies} replies");
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_request_half_received_and_a_reply_half_sent_are_finished()
    {
        using var lab = new HandOverLab();
        byte[] value = new byte[30_000_000];
        new Random(7).NextBytes(value);
        byte[] request = [.. Encoding.ASCII.GetBytes($"*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n${value.Length}\r\n"), .. value,
            .. "\r\n"u8];
        using var small = new Tcp(lab.Port);
        using var sender = new Tcp(lab.Port);
        using var reader = new Tcp(lab.Port);
        using var control = new TextClient(lab.EndPoint);
        small.Send("*2\r\n$3\r\nGET\r\n$1"u8);
        sender.Send(request.AsSpan(0, request.Length / 2));
        using (RespClient client = RespClient.Connect(lab.EndPoint))
        {
            Assert.Equal("OK", client.Call("SET", "whole", value).Text);
        }

        reader.Send("*2\r\n$3\r\nGET\r\n$5\r\nwhole\r\n*1\r\n$4\r\nPING\r\n"u8);
        Assert.Equal($"${value.Length}\r\n", Encoding.ASCII.GetString(reader.Receive($"${value.Length}\r\n".Length)));

        lab.Succeed();
        Assert.Equal(":1\r\n", control.Call("RPUSH", "l", "x"));
        sender.Send(request.AsSpan(request.Length / 2));
        small.Send("\r\nk\r\n"u8);

        Assert.Equal("+OK\r\n"u8, sender.Receive(5));
        Assert.Equal("$-1\r\n"u8, small.Receive(5));
        Assert.True(reader.Receive(value.Length).AsSpan().SequenceEqual(value));
        Assert.Equal("\r\n+PONG\r\n"u8, reader.Receive(9));
        Assert.Equal($":{value.Length}\r\n", control.Call("STRLEN", "half"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Messages_to_a_subscriber_that_reads_slowly_come_whole_and_in_order()
    {
        using var lab = new HandOverLab("--client-output-pubsub-limit", "1gb");
        using var slow = new Tcp(lab.Port);
        using var control = new TextClient(lab.EndPoint);
        slow.Send("*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n"u8);
        byte[] subscribed = slow.Receive("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n".Length);
        Assert.EndsWith(":1\r\n", Encoding.ASCII.GetString(subscribed), StringComparison.Ordinal);
        string large = new('m', 50_000);
        int sent = 0;
        for (; sent < 500; sent++)
        {
            Assert.Equal(":1\r\n", control.Call("PUBLISH", "c", $"{sent:000000}{large}"));
        }

        string small = new('s', 20_000);
        ServerProcess next = lab.Start(); // small ones come while the large ones are on their way to it
        while (!next.Output.Contains("clients over from", StringComparison.Ordinal))
        {
            Assert.Equal(":1\r\n", control.Call("PUBLISH", "c", $"{sent++:000000}{small}"));
        }

        for (int i = 0; i < sent; i++)
        {
            string text = $"{i:000000}{(i < 500 ? large : small)}";
            string expected = $"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n${text.Length}\r\n{text}\r\n";
            Assert.Equal(expected, Encoding.ASCII.GetString(slow.Receive(expected.Length)));
        }

        output.WriteLine($"{sent - 500} small messages meanwhile");
    }

    [Fact]
    public void Without_clients_the_store_and_the_addresses_go_over()
    {
        using var lab = new HandOverLab();

        lab.Succeed();
        lab.Succeed();

        lab.AssertServes();
        using var unix = new TextClient(lab.Server.UnixEndPoint!);
        Assert.Equal("+PONG\r\n", unix.Call("PING"));
        Assert.Contains("attach_kind:warm", unix.Call("INFO", "persistence"), StringComparison.Ordinal);
        Assert.Equal(0, lab.Server.Terminate());
        Assert.False(File.Exists(lab.SocketPath));
        Assert.False(File.Exists(lab.UnixSocket));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Thousands_of_clients_go_over_where_the_limit_of_descriptors_lets_them()
    {
        const int Many = 2000;
        using var lab = new HandOverLab();
        var clients = new List<TextClient>();
        for (int i = 0; i < Many; i++)
        {
            clients.Add(new TextClient(lab.EndPoint));
        }

        Assert.All(clients, client => Assert.Equal("+OK\r\n", client.Call("CLIENT", "SETNAME", "one")));
        ServerProcess refused = lab.Start(program: server => server with
        {
            Executable = "/bin/sh",
            Arguments = (directory, port, socket) =>
                ["-c", "ulimit -n 1000 && exec \"$0\" \"$@\"", server.Executable,
                    .. server.Arguments(directory, port, socket)],
        });
        Assert.True(SpinWait.SpinUntil(() => refused.HasExited, Patience.Limit));
        Printed.Contains($"is enough for 952 clients, and there are {Many}", refused);
        Assert.Equal("+PONG\r\n", clients[0].Call("PING"));

        ServerProcess next = lab.Start();

        Printed.Contains($"took {Many} clients over", next);
        Assert.All(clients, client => Assert.Equal("$3\r\none\r\n", client.Call("CLIENT", "GETNAME")));
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_successor_with_other_addresses_listens_there_and_keeps_the_clients()
    {
        using var lab = new HandOverLab();
        using var client = new TextClient(lab.EndPoint);
        int other = ServerProcess.FreePort();

        lab.Succeed("--port", $"{other}");

        Assert.Equal("+PONG\r\n", client.Call("PING"));
        using var elsewhere = new TextClient(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, other));
        Assert.Equal("+PONG\r\n", elsewhere.Call("PING"));
        Assert.Throws<System.Net.Sockets.SocketException>(() => new TextClient(lab.EndPoint));
    }
}
