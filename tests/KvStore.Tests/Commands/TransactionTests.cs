using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>What takes two clients, or time: the same against redis-server (GMF_TEST_SERVER).</summary>
public sealed class TransactionTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [Theory]
    [InlineData("SET k 2", true)]
    [InlineData("DEL k", true)]
    [InlineData("PEXPIRE k 100000", true)]
    [InlineData("RENAME k other", true)]
    [InlineData("COPY other k REPLACE", true)]
    [InlineData("FLUSHALL", true)]
    [InlineData("PEXPIRE k 1", true)]
    [InlineData("APPEND k x", true)]
    [InlineData("GET k", false)]
    [InlineData("SETNX k 2", false)]
    [InlineData("SET other2 1", false)]
    [InlineData("DEL absent", false)]
    [InlineData("PERSIST k", false)]
    public void A_watched_key_that_another_client_changes_stops_exec(string change, bool stops)
    {
        RunningServer server = shared.Emptied();
        using var watcher = new TextClient(server.Process.TcpEndPoint);
        using var other = new TextClient(server.Process.TcpEndPoint);
        watcher.Call("SET", "k", "1");
        watcher.Call("SET", "other", "1");
        Assert.Equal("+OK\r\n", watcher.Call("WATCH", "k"));
        other.Call(change.Split(' '));
        Thread.Sleep(20);
        watcher.Call("MULTI");
        watcher.Call("SET", "result", "1");
        Assert.Equal(stops ? "*-1\r\n" : "*1\r\n+OK\r\n", watcher.Call("EXEC"));
        Assert.Equal(stops ? "$-1\r\n" : "$1\r\n1\r\n", other.Call("GET", "result"));
    }

    [Fact]
    public void A_key_that_expired_before_watch_does_not_stop_exec_but_one_that_comes_does()
    {
        RunningServer server = shared.Emptied();
        using var watcher = new TextClient(server.Process.TcpEndPoint);
        using var other = new TextClient(server.Process.TcpEndPoint);
        watcher.Call("SET", "k", "1", "PX", "1");
        Thread.Sleep(20);
        watcher.Call("WATCH", "k");
        watcher.Call("MULTI");
        watcher.Call("PING");
        Assert.Equal("*1\r\n+PONG\r\n", watcher.Call("EXEC"));
        watcher.Call("WATCH", "k");
        other.Call("SET", "k", "back");
        watcher.Call("MULTI");
        watcher.Call("PING");
        Assert.Equal("*-1\r\n", watcher.Call("EXEC"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Nobody_sees_half_of_a_transaction()
    {
        RunningServer server = shared.Emptied();
        using var stop = new CancellationTokenSource();
        var writer = new Thread(() =>
        {
            using RespClient client = server.Connect();
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                client.Add("MULTI");
                client.Add("SET", "a", i);
                client.Add("SET", "b", i);
                client.Add("EXEC");
                client.Add("MSET", "c", i, "d", i);
                client.Flush();
                for (int reply = 0; reply < 5; reply++)
                {
                    client.Read();
                }
            }
        });
        writer.Start();
        using (RespClient client = server.Connect())
        {
            for (int i = 0; i < 3000; i++)
            {
                string?[] seen = [.. client.Call("MGET", "a", "b", "c", "d").Items!.Select(r => r.Text)];
                Assert.Equal(seen[0], seen[1]);
                Assert.Equal(seen[2], seen[3]);
            }
        }

        stop.Cancel();
        writer.Join();
    }
}
