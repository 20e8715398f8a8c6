using System.Diagnostics;
using System.Net;
using KvStore.Demo;
using KvStore.HandOver;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.HandOver;

/// <summary>Servers of one store and one address, each started beside the one before, which hands over to it.</summary>
internal sealed class HandOverLab : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<ServerProcess> _servers = [];
    private readonly string[] _options;
    private readonly Func<ServerProgram, ServerProgram> _wrap;

    /// <param name="options">More options of all of them.</param>
    public HandOverLab(params string[] options)
        : this(program => program, options)
    {
    }

    /// <param name="wrap">In what each of them runs.</param>
    /// <param name="options">More options of all of them.</param>
    public HandOverLab(Func<ServerProgram, ServerProgram> wrap, params string[] options)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server hands nothing over.");
        _options = options;
        _wrap = wrap;
        Start().WaitUntilReady();
        WaitForSocket(default);
    }

    /// <summary>The path of the sockets: another user may enter its directory.</summary>
    public string Directory => _directory.Path;

    public int Port { get; } = ServerProcess.FreePort();

    public string SocketPath => Path.Combine(_directory.Path, "h");

    public string UnixSocket => Path.Combine(_directory.Path, "u");

    public string StoreDirectory => Path.Combine(_directory.Path, "data");

    /// <summary>The one that was started last.</summary>
    public ServerProcess Server => _servers[^1];

    public EndPoint EndPoint => Server.TcpEndPoint;

    /// <summary>Starts one more.</summary>
    /// <param name="more">More options.</param>
    /// <param name="program">Another program that ends as the server; null for the server.</param>
    public ServerProcess Start(IReadOnlyList<string>? more = null, Func<ServerProgram, ServerProgram>? program = null)
    {
        ServerProgram plain = TestServer.Program("256M");
        ServerProgram server = plain with
        {
            Arguments = (directory, port, socket) =>
                [.. plain.Arguments(directory, port, socket), "--hand-over-socket", SocketPath, .. _options,
                    .. more ?? []],
        };
        server = _wrap(program?.Invoke(server) ?? server);
        _servers.Add(ServerProcess.Start(server, StoreDirectory, Port, UnixSocket));
        return Server;
    }

    /// <summary>Starts one more, and waits until the one before has handed over to it and has ended.</summary>
    public ServerProcess Succeed(params string[] more)
    {
        ServerProcess before = Server;
        DateTime made = MadeAt();
        ServerProcess next = Start(more);
        Assert.True(SpinWait.SpinUntil(() => before.HasExited, Patience.Limit), next.Output + before.Output);
        Printed.Contains("clients over from process", next);
        Assert.True(before.ExitCode == 0, $"{before.ExitCode}: {before.Output}");
        WaitForSocket(made);
        return next;
    }

    /// <summary>The server serves, and did not change.</summary>
    public void AssertServes()
    {
        using var client = new TextClient(EndPoint);
        Assert.Equal("+PONG\r\n", client.Call("PING"));
    }

    /// <summary>A connection to the server as a successor has it.</summary>
    public HandOverLink Link()
    {
        HandOverLink link = HandOverLink.Connect(SocketPath);
        link.Limit(Patience.Limit);
        return link;
    }

    /// <summary>What a right successor says first.</summary>
    public Greeting Greeting(ushort lowest = 1, ushort highest = 1, long room = 10_000) =>
        new(lowest, highest, room, $"kvstore\n\n{StoreDirectory}");

    // A server answers clients before it makes its socket, in the place of the one before.
    private void WaitForSocket(DateTime before) => Assert.True(
        SpinWait.SpinUntil(() => File.Exists(SocketPath) && MadeAt() != before, Patience.Limit),
        $"there is no socket for hand-overs: {Server.Output}");

    private DateTime MadeAt() => File.GetLastWriteTimeUtc(SocketPath);

    public void Dispose()
    {
        _servers.ForEach(server => server.Dispose());
        _directory.Dispose();
    }
}
