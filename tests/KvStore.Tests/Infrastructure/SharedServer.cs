namespace KvStore.Tests.Infrastructure;

/// <summary>The server under test for all cases of a class, one after the other: each finds it empty.</summary>
public sealed class SharedServer : IDisposable
{
    private RunningServer? _server;

    /// <summary>The server, without keys and without clients.</summary>
    internal RunningServer Emptied()
    {
        if (_server is null)
        {
            _server = TestServer.Start("64M");
        }
        else
        {
            Empty(_server);
        }

        return _server;
    }

    /// <summary>Takes a server's keys, and waits until it has seen the clients of the case before close.</summary>
    internal static void Empty(RunningServer server)
    {
        using var client = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("+OK\r\n", client.Call("FLUSHALL"));
        Assert.True(
            SpinWait.SpinUntil(() => client.Call("CLIENT", "LIST").Split(" name=").Length == 2, Patience.Limit),
            $"clients of the case before are still there: {client.Call("CLIENT", "LIST")}");
    }

    public void Dispose() => _server?.Dispose();
}
