using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using KvStore.Commands;
using KvStore.Engine;
using KvStore.Session;
using KvStore.Transport;

namespace KvStore.Server;

/// <summary>Accepts, and closes. All connections are served by one event loop, as in Redis.</summary>
internal sealed class KvServer : IServerControl, IDisposable
{
    /// <summary>After so many bytes of requests the collector is asked to give arrays back, or may not look for
    /// hours.</summary>
    private const long MuchGarbage = 64L << 20;

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
    private ServerSockets? _sockets;
    private long _lastId;

    public KvServer(ServerOptions options, Keyspace keyspace)
    {
        LimitClients(options);
        _options = options;
        _engine = new KvEngine(keyspace, options) { Server = this };
        if (AclFile.Start(_engine) is { } problem)
        {
            throw new OptionException(problem);
        }

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
            _listeners.Add(new Listener(_loop, socket, Serve));
        }

        _loop.Start();
    }

    /// <summary>Lets clients in again, where descriptors had run out. On the loop's thread.</summary>
    public void ResumeAccepting()
    {
        foreach (Listener listener in _listeners)
        {
            listener.Resume();
        }
    }

    /// <summary>Takes over what CONFIG SET changed, and gives back the memory of requests that are gone.</summary>
    public void EverySecond()
    {
        TakeLimits();
        if (_loop.Input.TookFall(MuchGarbage))
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
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
        _sockets?.RemoveName();
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

    private void Serve(Socket socket)
    {
        int connected = ConnectionCount;
        lock (_engine.Gate)
        {
            if (connected >= _options.MaxClients)
            {
                _engine.Statistics.Rejected++;
                Refuse(socket, "-ERR max number of clients reached\r\n"u8);
                return;
            }

            _engine.Statistics.Connections++;
        }

        if (socket.AddressFamily != AddressFamily.Unix)
        {
            if (_options.ProtectedMode && _engine.Users.Default.NoPassword && !IsLocal(socket))
            {
                Refuse(socket, ProtectedMode.Refusal);
                return;
            }

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

    /// <summary>As in Redis: no more clients than there are descriptors, less those that the server needs itself.</summary>
    private static void LimitClients(ServerOptions options)
    {
        long most = DescriptorLimit.MostConnections();
        if (most < 1)
        {
            throw new OptionException(
                $"the limit of open files ('ulimit -n') is not enough: the server needs more than {DescriptorLimit.Reserve} descriptors");
        }

        if (options.MaxClients > most)
        {
            StandardError.WriteLine($"maxclients is {most} and not {options.MaxClients}: the limit of open files ('ulimit -n') allows no more");
            options.MaxClients = (int)most;
        }
    }

    private static bool IsLocal(Socket socket) => socket.RemoteEndPoint is IPEndPoint peer && IPAddress.IsLoopback(peer.Address);

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
