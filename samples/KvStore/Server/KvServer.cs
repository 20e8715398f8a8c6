using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using KvStore.Commands;
using KvStore.Engine;
using KvStore.Session;
using KvStore.Tls;
using KvStore.Transport;

namespace KvStore.Server;

/// <summary>Accepts, and closes. All connections are served by one event loop, as in Redis.</summary>
internal sealed class KvServer : IServerControl, IHousekept, IDisposable
{
    /// <summary>After so many bytes of requests the collector is asked to give arrays back, or may not look for
    /// hours.</summary>
    private const long MuchGarbage = 64L << 20;

    /// <summary>The client's socket, and a pair for its plain bytes.</summary>
    private const int DescriptorsOfTls = 3;

    private readonly ServerOptions _options;
    private readonly KvEngine _engine;
    private readonly BatchRunner _runner;
    private readonly Housekeeping _housekeeping;
    private readonly EventLoop _loop;
    private readonly List<Listener> _listeners = [];
    private readonly Lock _connectionsLock = new();
    private readonly Dictionary<long, Connection> _connections = [];
    private readonly ManualResetEventSlim _shutdown = new();
    private string _shutdownReason = "";
    private readonly long _started = Stopwatch.GetTimestamp();
    private ServerSockets? _sockets;
    private TlsListener? _tls;
    private long _lastId;

    public KvServer(ServerOptions options, Keyspace keyspace)
    {
        LimitClients(options);
        _options = options;
        _engine = new KvEngine(keyspace, options) { Server = this };
        if (AclFile.Start(BuiltIn.Table, _engine) is { } problem)
        {
            throw new OptionException(problem);
        }

        _engine.Evictable.FollowPolicy();
        _runner = new BatchRunner(_engine);
        _housekeeping = new Housekeeping(_engine, this);
        _loop = new EventLoop("kvstore", _housekeeping.Run);
        TakeLimits();
    }

    public KvEngine Engine => _engine;

    /// <summary>Waits until the server is to end; why.</summary>
    public string WaitForShutdownRequest()
    {
        _shutdown.Wait();
        return Volatile.Read(ref _shutdownReason);
    }

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

    public ClientSession? FindSession(long id)
    {
        lock (_connectionsLock)
        {
            return _connections.GetValueOrDefault(id)?.Session;
        }
    }

    public TimeSpan Uptime => Stopwatch.GetElapsedTime(_started);

    public long CommandsPerSecond => _housekeeping.CommandsPerSecond;

    public void Disconnect(Func<ClientSession, bool> which)
    {
        foreach (Connection connection in Connections())
        {
            if (which(connection.Session))
            {
                connection.Session.Close = true; // What it has sent already does not run any more.
                connection.Abort();
            }
        }
    }

    public void WakeBy(long deadline) => _loop.HaveDoneWithin(Math.Max(0, deadline - KvEngine.Milliseconds));

    public void RequestShutdown(string reason)
    {
        Interlocked.CompareExchange(ref _shutdownReason, reason, "");
        _shutdown.Set();
    }

    /// <summary>Takes the sockets over; clients are served from here on.</summary>
    public void Start(ServerSockets sockets)
    {
        _sockets = sockets;
        foreach (Socket socket in sockets.Sockets)
        {
            _listeners.Add(new Listener(_loop, socket, it => Serve(it, it.RemoteEndPoint, it.LocalEndPoint, null)));
        }

        if (sockets.Tls is { } tls)
        {
            _tls = new TlsListener(tls, TlsCertificates(), TlsPlaces(), ServeDecrypted);
        }

        _loop.Start();
    }

    /// <inheritdoc/>
    public void ResumeAccepting()
    {
        foreach (Listener listener in _listeners)
        {
            listener.Resume();
        }
    }

    /// <inheritdoc/>
    public void EverySecond()
    {
        TakeLimits();
        if (_loop.Input.TookFall(MuchGarbage))
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
    }

    /// <inheritdoc/>
    public void CloseIdle(int seconds)
    {
        long oldest = Environment.TickCount64 - (seconds * 1000L);
        foreach (Connection connection in Connections())
        {
            ClientSession session = connection.Session;
            if (session.LastActive < oldest && session.Subscriptions is null && !session.IsBlocked)
            {
                connection.Abort();
            }
        }
    }

    /// <summary>Runs no more commands, closes all sockets, and waits until that is done.</summary>
    public void Dispose()
    {
        _sockets?.RemoveName();
        _tls?.Dispose();
        _engine.Close();
        _loop.Post(CloseSockets);
        _loop.Dispose();
        _shutdown.Dispose();
    }

    private void TakeLimits()
    {
        _loop.Output.Limit = _options.OutputTotalLimit;
        _loop.Input.Limit = _options.InputTotalLimit;
    }

    private void CloseSockets()
    {
        _listeners.ForEach(listener => listener.Dispose());
        foreach (Connection connection in Connections())
        {
            connection.End();
        }
    }

    private SslServerAuthenticationOptions TlsCertificates()
    {
        try
        {
            return TlsOptions.Read(
                _options.TlsCertFile, _options.TlsKeyFile, _options.TlsCaCertFile, _options.TlsAuthClients);
        }
        catch (TlsException e)
        {
            throw new OptionException(e.Message);
        }
    }

    private int TlsPlaces() =>
        (int)Math.Clamp(DescriptorLimit.MostConnections() / DescriptorsOfTls, 1, _options.MaxClients);

    private void ServeDecrypted(Socket plain, EndPoint? peer, EndPoint? local, Action ended) => _loop.Post(() =>
    {
        if (_engine.Closed)
        {
            plain.Dispose();
            ended();
            return;
        }

        Serve(plain, peer, local, ended);
    });

    private void Serve(Socket socket, EndPoint? peer, EndPoint? local, Action? ended)
    {
        int connected = ConnectionCount;
        lock (_engine.Gate)
        {
            if (connected >= _options.MaxClients)
            {
                _engine.Statistics.Rejected++;
                Refuse(socket, "-ERR max number of clients reached\r\n"u8);
                ended?.Invoke();
                return;
            }

            _engine.Statistics.Connections++;
        }

        if (peer is IPEndPoint)
        {
            if (_options.ProtectedMode && _engine.Users.Default.NoPassword && !IsLocal(peer))
            {
                Refuse(socket, ProtectedMode.Refusal);
                ended?.Invoke();
                return;
            }

            if (socket.AddressFamily != AddressFamily.Unix)
            {
                socket.NoDelay = true;
            }
        }

        var client = new ClientSocket(Interlocked.Increment(ref _lastId), socket, peer, local);
        var connection = new Connection(client, _loop, _engine, _runner, connection =>
        {
            Ended(connection);
            ended?.Invoke();
        });
        lock (_connectionsLock)
        {
            _connections.Add(client.Id, connection);
        }

        _ = connection.RunAsync();
    }

    private void Ended(Connection connection)
    {
        lock (_connectionsLock)
        {
            _connections.Remove(connection.Session.Id);
        }
    }

    private Connection[] Connections()
    {
        lock (_connectionsLock)
        {
            return [.. _connections.Values];
        }
    }

    /// <summary>
    /// As in Redis: no more clients than there are descriptors, less those that the server needs itself.
    /// </summary>
    private static void LimitClients(ServerOptions options)
    {
        long most = DescriptorLimit.MostConnections();
        if (most < 1)
        {
            throw new OptionException(
                "the limit of open files ('ulimit -n') is not enough: the server needs more " +
                $"than {DescriptorLimit.Reserve} descriptors");
        }

        if (options.MaxClients > most)
        {
            StandardError.WriteLine($"maxclients is {most} and not {options.MaxClients}: the limit of open files " +
                "('ulimit -n') allows no more");
            options.MaxClients = (int)most;
        }
    }

    private static bool IsLocal(EndPoint? peer) =>
        peer is IPEndPoint address && IPAddress.IsLoopback(address.Address);

    private static void Refuse(Socket socket, ReadOnlySpan<byte> text)
    {
        try
        {
            socket.Send(text);
            socket.Shutdown(SocketShutdown.Send); // Closing alone would take back what was sent.
        }
        catch (SocketException)
        {
            // It did not wait to be told.
        }

        socket.Dispose();
    }
}
