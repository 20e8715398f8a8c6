using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using KvStore.Engine;
using KvStore.Session;
using KvStore.Transport;

namespace KvStore.Server;

/// <summary>Listens, accepts, and closes. All connections are served by one event loop, as in Redis.</summary>
internal sealed class KvServer : IServerControl, IDisposable
{

    private readonly ServerOptions _options;
    private readonly KvEngine _engine;
    private readonly BatchRunner _runner;
    private readonly Housekeeping _housekeeping;
    private readonly EventLoop _loop;
    private readonly List<Listener> _listeners = [];
    private readonly Lock _connectionsLock = new();
    private readonly HashSet<Connection> _connections = [];
    private readonly ManualResetEventSlim _shutdown = new();
    private string _shutdownReason = "";
    private readonly long _started = Stopwatch.GetTimestamp();
    private long _lastId;
    private bool _ownsUnixSocket;

    public KvServer(ServerOptions options, Keyspace keyspace)
    {
        _options = options;
        _engine = new KvEngine(keyspace, options) { Server = this };
        _runner = new BatchRunner(_engine);
        _housekeeping = new Housekeeping(_engine, this);
        _loop = new EventLoop("kvstore", _housekeeping.Run);
    }

    public KvEngine Engine => _engine;

    /// <summary>Waits until the server is to end; why.</summary>
    public string WaitForShutdownRequest()
    {
        _shutdown.Wait();
        return Volatile.Read(ref _shutdownReason);
    }

    /// <summary>The TCP port that was really taken; asked for with port 0 in tests.</summary>
    public int BoundPort { get; private set; }

    public IReadOnlyCollection<ClientSession> Sessions => Array.ConvertAll(Connections(), c => c.Session);

    public int ConnectionCount
    {
        get
        {
            lock (_connectionsLock)
            {
                return _connections.Count;
            }
        }
    }

    public TimeSpan Uptime => Stopwatch.GetElapsedTime(_started);

    public long CommandsPerSecond => _housekeeping.CommandsPerSecond;

    public void RequestShutdown(string reason)
    {
        Interlocked.CompareExchange(ref _shutdownReason, reason, "");
        _shutdown.Set();
    }

    /// <summary>Binds and listens; clients are served from here on.</summary>
    public void Start(bool anyPort = false)
    {
        if (_options.Port != 0 || anyPort)
        {
            IPAddress address = Address(_options.Bind);
            var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (address.Equals(IPAddress.IPv6Any))
            {
                listener.DualMode = true;
            }

            Listen(listener, new IPEndPoint(address, _options.Port), $"{_options.Bind}:{_options.Port}");
            BoundPort = ((IPEndPoint)listener.LocalEndPoint!).Port;
        }

        if (_options.UnixSocket.Length > 0)
        {
            RemoveStaleSocket(_options.UnixSocket);
            Listen(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), new UnixDomainSocketEndPoint(_options.UnixSocket), _options.UnixSocket);
            _ownsUnixSocket = true;
        }

        _loop.Start();
    }

    /// <summary>Closes the connections whose clients were idle for longer than the limit.</summary>
    public void CloseIdle(int seconds)
    {
        long oldest = Environment.TickCount64 - (seconds * 1000L);
        foreach (Connection connection in Connections())
        {
            if (connection.Session.LastActive < oldest)
            {
                connection.Abort();
            }
        }
    }

    /// <summary>Runs no more commands, closes all sockets, and waits until that is done.</summary>
    public void Dispose()
    {
        _engine.Close();
        _loop.Post(CloseSockets);
        _loop.Dispose();
        _shutdown.Dispose();
        if (_ownsUnixSocket)
        {
            File.Delete(_options.UnixSocket);
        }
    }

    private static IPAddress Address(string bind) => bind switch
    {
        "*" => IPAddress.IPv6Any,
        "127.0.0.1" => IPAddress.Loopback, // the usual one, without the parser, which would have to be compiled first
        _ => IPAddress.Parse(bind),
    };

    private void Listen(Socket listener, EndPoint end, string shown)
    {
        try
        {
            listener.Bind(end);
            listener.Listen(_options.Backlog);
            _listeners.Add(new Listener(_loop, listener, Serve));
        }
        catch (SocketException e)
        {
            listener.Dispose();
            throw new OptionException($"cannot listen on {shown}: {e.Message}");
        }
    }

    private static void RemoveStaleSocket(string path)
    {
        if (!File.Exists(path))
        {
            return;
        }

        try
        {
            File.OpenHandle(path).Dispose();
            throw new OptionException($"--unixsocket {path}: there is a file of this name, which is not a socket");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Sockets cannot be opened: this is one, or nothing that may be deleted, which the next step tells.
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path); // its server was killed
            return;
        }
        catch (SocketException e)
        {
            throw new OptionException($"--unixsocket {path}: there is something else under this name ({e.Message})");
        }

        throw new OptionException($"--unixsocket {path}: another server listens there");
    }

    private void CloseSockets()
    {
        _listeners.ForEach(listener => listener.Dispose());
        foreach (Connection connection in Connections())
        {
            connection.End();
        }
    }

    private void Serve(Socket socket)
    {
        int connected = ConnectionCount;
        lock (_engine.Gate)
        {
            if (connected >= _options.MaxClients)
            {
                _engine.Statistics.Rejected++;
                Refuse(socket);
                return;
            }

            _engine.Statistics.Connections++;
        }

        if (socket.AddressFamily != AddressFamily.Unix)
        {
            socket.NoDelay = true;
        }

        var connection = new Connection(Interlocked.Increment(ref _lastId), socket, _loop, _engine, _runner, Ended);
        lock (_connectionsLock)
        {
            _connections.Add(connection);
        }

        _ = connection.RunAsync();
    }

    private void Ended(Connection connection)
    {
        lock (_connectionsLock)
        {
            _connections.Remove(connection);
        }
    }

    private Connection[] Connections()
    {
        lock (_connectionsLock)
        {
            return [.. _connections];
        }
    }

    private static void Refuse(Socket socket)
    {
        try
        {
            socket.Send("-ERR max number of clients reached\r\n"u8);
        }
        catch (SocketException)
        {
            // It did not wait to be told.
        }

        socket.Dispose();
    }
}
