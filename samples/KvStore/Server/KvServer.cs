using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using KvStore.Commands;
using KvStore.Engine;
using KvStore.HandOver;
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

    /// <summary>For so long a batch of commands may run before somebody else has the gate.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly ServerOptions _options;
    private readonly KvEngine _engine;
    private readonly BatchRunner _runner;
    private readonly Housekeeping _housekeeping;
    private readonly EventLoop _loop;
    private readonly List<Listener> _listeners = [];
    private readonly Lock _connectionsLock = new();
    private readonly Dictionary<long, Connection> _connections = [];

    // What is to be called once a client over TLS is gone.
    private readonly Dictionary<long, Action> _endings = [];
    private readonly ManualResetEventSlim _shutdown = new();
    private string _shutdownReason = "";
    private readonly long _started = Stopwatch.GetTimestamp();
    private ServerSockets? _sockets;
    private TlsListener? _tls;
    private MasterLink? _master;
    private volatile bool _left;
    private int _awaited;
    private long _lastId;

    /// <param name="options">How it runs.</param>
    /// <param name="keyspace">The store, which stays the caller's.</param>
    /// <param name="state">What <see cref="Inherit(ServerState?, IReadOnlyList{HandedClient})"/> will get, or
    /// null.</param>
    public KvServer(ServerOptions options, Keyspace keyspace, ServerState? state = null)
    {
        LimitClients(options);
        _options = options;
        _engine = new KvEngine(keyspace, options) { Server = this };
        keyspace.Backup.CountBy(() => _engine.Statistics.ChangesEver);
        if (AclFile.Start(BuiltIn.Table, _engine, state is { HasUsers: true }) is { } problem)
        {
            throw new OptionException(problem);
        }

        _engine.Evictable.FollowPolicy();
        _engine.Feed.Resume();
        ReplicaOf.Begin(_engine);
        _runner = new BatchRunner(_engine);
        _housekeeping = new Housekeeping(_engine, this);
        _loop = new EventLoop("kvstore", _housekeeping.Run);
        TakeLimits();
    }

    public KvEngine Engine => _engine;

    /// <summary>Waits until the server is to end; why. Empty where a successor wants its clients.</summary>
    public string WaitForShutdownRequest()
    {
        _shutdown.Wait();
        return ShutdownReason;
    }

    /// <summary>Why it is to end; empty where nobody wants that.</summary>
    public string ShutdownReason => Volatile.Read(ref _shutdownReason);

    /// <summary>A successor wants its clients.</summary>
    public void RequestHandOver()
    {
        _shutdown.Set();
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

    public ClientSession? FindSession(long id) => Find(id)?.Session;

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

    public void ServeMeanwhile() => _loop.ServeMeanwhile();

    public void FollowMaster()
    {
        lock (_engine.Gate)
        {
            _master?.Dispose();
            _master = _sockets is not null && !_left && !_engine.Closed && _engine.Follows
                ? new MasterLink(_engine, _loop.Post) : null;
        }
    }

    public void RequestShutdown(string reason)
    {
        Interlocked.CompareExchange(ref _shutdownReason, reason, "");
        _shutdown.Set();
    }

    /// <summary>
    /// Takes over what another server, or this process's before, has let go of. Before <see cref="Start"/>, which
    /// serves them.
    /// </summary>
    public void Inherit(ServerState? state, IReadOnlyList<HandedClient> clients)
    {
        lock (_engine.Gate)
        {
            state?.ApplyTo(_engine);
            _lastId = Math.Max(_lastId, state?.LastId ?? 0);
            List<(long Order, Action Wait)> waits = [];
            foreach (HandedClient client in clients)
            {
                Inherit(client, waits);
            }

            _awaited = clients.Count(client => client.Bytes is null);

            foreach ((_, Action wait) in waits.OrderBy(it => it.Order))
            {
                wait();
            }

            if (_engine.Tracking.ClientCount > 0)
            {
                _engine.Tracking.TouchAll(by: null); // what they have read is not known here
            }
        }
    }

    /// <summary>Why it cannot be handed over now; null where it can.</summary>
    public string? Obstacle
    {
        get
        {
            if (Volatile.Read(ref _awaited) > 0)
            {
                return "bytes of clients are still on their way from the server before";
            }

            if (!_engine.Gate.TryEnter(s_patience))
            {
                return "it stands still for a live update";
            }

            _engine.Gate.Exit();
            return null;
        }
    }

    /// <summary>A client's bytes that came late, or null where they do not come: then it is closed. From any
    /// thread.</summary>
    public void InheritLate(long id, ClientBytes? bytes) => _loop.Post(() =>
    {
        Interlocked.Decrement(ref _awaited);
        if (Find(id) is not { } connection)
        {
            return; // It was closed meanwhile.
        }

        connection.Begin(bytes ?? ClientBytes.None);
        if (bytes is null)
        {
            StandardError.WriteLine($"closing client {id}: its bytes were lost with the server before");
            connection.End();
        }
    });

    /// <summary>
    /// Finishes the commands that have arrived, runs no more, and lets go of clients and sockets: nothing is closed.
    /// </summary>
    /// <param name="tls">
    /// What serves TLS, or null. It ends each client that comes, until it has another handler.
    /// </param>
    public List<HandedClient> Leave(out TlsListener? tls)
    {
        _left = true;
        tls = _tls;
        _tls?.Handler = (plain, _, _, ended) =>
        {
            plain.Dispose();
            ended();
        };
        _tls = null;
        List<HandedClient> clients = [];
        _loop.Stop(last: () => Leave(clients));
        _listeners.ForEach(listener => listener.Leave());
        return clients;
    }

    /// <summary>On the loop's thread. What a client sends from here on, its socket keeps for the next server.</summary>
    private void Leave(List<HandedClient> clients)
    {
        lock (_engine.Gate)
        {
            _engine.Close();
            _master?.Dispose();
            long bytes = 0;
            foreach (Connection connection in Connections())
            {
                Action? ended = _endings.GetValueOrDefault(connection.Session.Id);
                if (connection.Leave(it => Giving.GoesAtOnce(it, ref bytes), ended) is { } client)
                {
                    clients.Add(client);
                }
                else
                {
                    connection.End();
                }
            }
        }
    }

    /// <summary>The server's part of the state, of which clients are the other.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="withUsers">True where users go along that no client has changed.</param>
    public void WriteState(BinaryWriter to, bool withUsers) => ServerState.Write(to, _engine, _lastId, withUsers);

    /// <summary>Takes the sockets over; clients are served from here on.</summary>
    /// <param name="sockets">Those that it listens on.</param>
    /// <param name="clients">Those that <see cref="Inherit(ServerState?, IReadOnlyList{HandedClient})"/> got.</param>
    /// <param name="tls">What serves TLS already, or null.</param>
    public void Start(ServerSockets sockets, IReadOnlyList<HandedClient> clients, TlsListener? tls = null)
    {
        _sockets = sockets;
        foreach (Socket socket in sockets.Sockets)
        {
            _listeners.Add(new Listener(_loop, socket, it => Serve(it, it.RemoteEndPoint, it.LocalEndPoint, null)));
        }

        if (tls is not null)
        {
            tls.Handler = ServeDecrypted;
            _tls = tls;
        }
        else if (sockets.Tls is { } socket)
        {
            _tls = new TlsListener(socket, TlsCertificates(), TlsPlaces(), ServeDecrypted);
        }

        _loop.Post(() => Begin(clients));
        _loop.Post(FollowMaster);
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
            if (session.LastActive < oldest && session.Subscriptions is null && !session.IsBlocked
                && !session.IsReplica)
            {
                connection.Abort();
            }
        }
    }

    /// <summary>Runs no more commands, closes all sockets, and waits until that is done.</summary>
    public void Dispose()
    {
        if (!_left)
        {
            _sockets?.RemoveName();
            _tls?.Dispose();
            _engine.Close();
            _master?.Dispose();
            _loop.Post(CloseSockets);
        }

        _loop.Dispose();
        _engine.Feed.Dispose();
        _shutdown.Dispose();
    }

    /// <summary>Makes the connection and its session. A client whose user is no more is closed.</summary>
    private void Inherit(HandedClient handed, List<(long Order, Action Wait)> waits)
    {
        (long id, EndPoint? peer, EndPoint? local) = SessionState.ReadHead(handed.Facts);
        Connection connection = Add(new ClientSocket(id, handed.Socket, peer, local, IsHandedOver: true), handed.Ended);
        if (!SessionState.Restore(handed.Facts, connection.Session, _engine, waits))
        {
            StandardError.WriteLine($"closing client {id} ({connection.Session.Address}): there is no such user here");
            connection.Session.Close = true;
        }
    }

    private void Begin(IReadOnlyList<HandedClient> clients)
    {
        foreach (HandedClient client in clients)
        {
            if (client.Bytes is { } bytes)
            {
                Find(SessionState.ReadHead(client.Facts).Id)?.Begin(bytes);
            }
        }
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

    private void ServeDecrypted(Socket plain, EndPoint? peer, EndPoint? local, Action ended)
    {
        if (_left)
        {
            plain.Dispose();
            ended();
            return;
        }

        _loop.Post(() =>
        {
            if (_engine.Closed)
            {
                plain.Dispose();
                ended();
                return;
            }

            Serve(plain, peer, local, ended);
        });
    }

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
        _ = Add(client, ended).RunAsync();
    }

    private Connection Add(ClientSocket client, Action? ended)
    {
        var connection = new Connection(client, _loop, _engine, _runner, Ended);
        lock (_connectionsLock)
        {
            _connections.Add(client.Id, connection);
            if (ended is not null)
            {
                _endings.Add(client.Id, ended);
            }
        }

        return connection;
    }

    private void Ended(Connection connection)
    {
        Action? ended;
        lock (_connectionsLock)
        {
            _connections.Remove(connection.Session.Id);
            _endings.Remove(connection.Session.Id, out ended);
        }

        ended?.Invoke();
    }

    private Connection? Find(long id)
    {
        lock (_connectionsLock)
        {
            return _connections.GetValueOrDefault(id);
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
