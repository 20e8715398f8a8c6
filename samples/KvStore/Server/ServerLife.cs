using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GuestMemFs;
using GuestMemFs.LiveUpdate;
using KvStore.Engine;
using KvStore.HandOver;
using KvStore.Tls;
using KvStore.Transport;

namespace KvStore.Server;

/// <summary>
/// A server from its start to its end: it takes over from the one before, where there is one, and hands over to the one
/// after it.
/// </summary>
/// <remarks>
/// <code>
///   predecessor                                  successor
///                                   &lt;-- Hello
///   Welcome --&gt;                                  gets ready
///                                   &lt;-- Go
///   the loop ends; sockets, state --&gt;
///   closes the arena; Released --&gt;               opens it, makes clients
///                                   &lt;-- Attached
///   Yours --&gt;                                    serves
/// </code>
/// <para>Until Yours is sent the predecessor takes all back where anything fails: it opens the arena and makes its
/// clients again, from the same state. The successor serves nobody before Yours has come.</para>
/// </remarks>
internal sealed class ServerLife(ServerOptions options) : IDisposable
{
    /// <summary>For so long a successor may take to open the arena: clients wait.</summary>
    private static readonly TimeSpan s_attaching = TimeSpan.FromSeconds(5);

    /// <summary>For so long the process that was to have the arena may take to let go of it.</summary>
    private static readonly TimeSpan s_takingBack = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_lastReplies = TimeSpan.FromSeconds(1);

    // Until the process ends: the finalizer of a socket's handle would change what its new owner has.
    private static readonly List<HandedClient> s_left = [];

    private readonly Lock _lock = new();
    private ServerSockets? _sockets;
    private Keyspace? _keyspace;
    private KvServer? _server;
    private HandOverEndpoint? _endpoint;
    private Request? _request;
    private string _signal = "";
    private PosixSignalRegistration[] _signals = [];

    public ServerSockets Sockets => _sockets!;

    public Keyspace Keyspace => _keyspace!;

    /// <summary>Opens the store and serves.</summary>
    public void Start()
    {
        using Inheritance? inherited = options.HandOverSocket.Length > 0 ? Successor.Ask(options) : null;
        if (inherited is null)
        {
            _sockets = ServerSockets.Listen(options);
            _keyspace = Keyspace.Open(options);
            Serve(new KvServer(options, _keyspace), [], null);
        }
        else
        {
            TakeOver(inherited);
        }

        try
        {
            _endpoint = options.HandOverSocket.Length > 0
                ? HandOverEndpoint.Start(
                    options, () => _server!.ConnectionCount, () => _server!.Obstacle, AskForHandOver)
                : null;
        }
        catch (Exception e) when (inherited is not null && e is IOException or UntrustedOwnerException)
        {
            StandardError.WriteLine($"--hand-over-socket: {e.Message}. Clients are served; nobody can take them over.");
        }
    }

    /// <summary>Serves until it is to end, or a successor has all; why.</summary>
    public string Run()
    {
        while (true)
        {
            string reason = options.LiveUpdateSocket.Length > 0 ? WaitAsParticipant()
                : _server!.WaitForShutdownRequest();
            if (_request is not { } request || reason.Length > 0)
            {
                _request?.Decided.Set();
                return reason;
            }

            _request = null;
            bool given = HandOver(request);
            request.Decided.Set();
            if (given)
            {
                return $"handed over to process {request.Link.Peer.ProcessId}";
            }
        }
    }

    public void Dispose()
    {
        Array.ForEach(_signals, signal => signal.Dispose());
        _endpoint?.Dispose();
        _server?.Dispose();
        _keyspace?.Dispose();
        _sockets?.Dispose();
    }

    private void Serve(KvServer server, List<HandedClient> clients, TlsListener? tls)
    {
        if (_signals.Length == 0)
        {
            // Before it answers: from then on it is closed clean. Not earlier: one that waits is ended at once.
            _signals = [On(PosixSignal.SIGTERM), On(PosixSignal.SIGINT)];
        }

        lock (_lock)
        {
            _server = server;
            if (_signal.Length > 0)
            {
                server.RequestShutdown(_signal);
            }
        }

        server.Start(_sockets!, clients, tls);
    }

    private PosixSignalRegistration On(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        lock (_lock)
        {
            _signal = signal.ToString();
            _server?.RequestShutdown(_signal);
        }
    });

    private void TakeOver(Inheritance inherited)
    {
        try
        {
            _sockets = ServerSockets.Listen(options, inherited.Listeners);
            inherited.State?.ApplyTo(options);
            _keyspace = OpenWithin(s_takingBack);
            Guid id = _keyspace.Arena.Id;
            if (inherited.State is { } state && state.ArenaId != id)
            {
                throw new HandOverException($"it has opened arena {id}, and the server before had {state.ArenaId}");
            }

            var server = new KvServer(options, _keyspace, inherited.State);
            server.Inherit(inherited.State, inherited.Clients);
            inherited.Confirm();
            Serve(server, inherited.Clients, null);
        }
        catch (Exception e)
        {
            _sockets?.Leave(); // The unix socket's name is the predecessor's.
            inherited.GiveBack(e.Message);
            if (e is FormatException or EndOfStreamException or ArgumentException)
            {
                throw new HandOverException($"process {inherited.ProcessId} sent what cannot be read: {e.Message}");
            }

            throw;
        }

        inherited.ReceiveLate(_server!.InheritLate);
        string how = inherited.IsOrphaned ? ", which died meanwhile" : "";
        Console.WriteLine($"took {inherited.Clients.Count} clients over from process {inherited.ProcessId}{how}");
    }

    /// <summary>Opens the store, for which another process may still need a moment to end.</summary>
    private Keyspace OpenWithin(TimeSpan time)
    {
        TimeSpan waits = options.WaitForWriter;
        options.WaitForWriter = waits > time ? waits : time;
        try
        {
            return Keyspace.Open(options);
        }
        finally
        {
            options.WaitForWriter = waits;
        }
    }

    /// <summary>On the endpoint's thread: the one that waits for the end does it.</summary>
    private void AskForHandOver(HandOverLink link, int room)
    {
        int clients = _server!.ConnectionCount;
        if (clients > room)
        {
            throw new HandOverException($"its limit of open files ('ulimit -n') is enough for {room} clients, and "
                + $"there are {clients}");
        }

        var request = new Request(link, new ManualResetEventSlim());
        _request = request;
        _server.RequestHandOver();
        request.Decided.Wait();
    }

    /// <summary>Hands all over; false where it was taken back.</summary>
    private bool HandOver(Request request)
    {
        HandOverLink link = request.Link;
        _keyspace!.Backup.Stop(); // One that is under way ends, and is taken again when it is due.
        KvServer server = _server!;
        long start = Stopwatch.GetTimestamp();
        List<HandedClient> clients = server.Leave(out TlsListener? tls);
        List<HandedClient> plain = clients.FindAll(client => !client.IsTls);
        try
        {
            link.Limit(s_attaching);
            Giving.Send(link, _sockets!.Labelled, plain, to => server.WriteState(to, withUsers: false));
            _keyspace.CloseArena();
            link.Send(HandOverMessage.Released);
            HandOverMessage answer = link.Receive(out ReadOnlySpan<byte> payload);
            if (answer != HandOverMessage.Attached)
            {
                throw new HandOverException(answer == HandOverMessage.Refusal
                    ? System.Text.Encoding.UTF8.GetString(payload) : "it is gone");
            }

            link.Send(HandOverMessage.Yours); // Nothing may fail after it here: the successor has all.
        }
        catch (Exception e) // whatever it is, clients wait
        {
            StandardError.WriteLine(
                $"hand-over to process {link.Peer.ProcessId}: {e.Message}; this server takes store and clients back");
            link.Refuse(e.Message);
            TakeBack(clients, tls);
            return false;
        }

        TimeSpan waited = Stopwatch.GetElapsedTime(start);
        End(link, clients, tls);
        Console.WriteLine($"process {link.Peer.ProcessId} has {plain.Count} clients, which waited for "
            + $"{waited.TotalMilliseconds:0.0} ms");
        return true;
    }

    private void TakeBack(List<HandedClient> clients, TlsListener? tls)
    {
        using var state = new MemoryStream();
        var to = new BinaryWriter(state);
        _server!.WriteState(to, withUsers: true);
        to.Flush();
        state.Position = 0;
        ServerState read = ServerState.Read(new BinaryReader(state));
        List<HandedClient> whole = clients.ConvertAll(client => client.Bytes is not null ? client
            : new HandedClient(client.Socket, client.Facts) { Bytes = client.CopyLater!(), Ended = client.Ended });
        _server.Dispose();
        _keyspace!.Dispose();
        _keyspace = OpenWithin(s_takingBack);
        var server = new KvServer(options, _keyspace, read);
        server.Inherit(read, whole);
        Serve(server, whole, tls);
    }

    /// <summary>All is the successor's: what is left here is what is on its way.</summary>
    private void End(HandOverLink link, List<HandedClient> clients, TlsListener? tls)
    {
        s_left.AddRange(clients);
        _sockets!.Leave();
        _endpoint!.Leave();
        try
        {
            Giving.SendLate(link, clients.Where(client => !client.IsTls));
        }
        catch (HandOverException e)
        {
            StandardError.WriteLine($"hand-over to process {link.Peer.ProcessId}: {e.Message}");
        }

        List<HandedClient> encrypted = clients.FindAll(client => client.IsTls);
        foreach (HandedClient client in encrypted)
        {
            client.Socket.Dispose();
            client.Ended!();
        }

        if (encrypted.Count > 0)
        {
            StandardError.WriteLine($"hand-over: {encrypted.Count} clients over TLS were closed: the keys of their "
                + "ciphers are in this process");
            tls!.WaitForLast(s_lastReplies);
        }

        tls?.Dispose();
    }

    /// <summary>
    /// Waits for the end, and lets a live update ask meanwhile. Apart, so that its assemblies are loaded only where
    /// that is wanted.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private string WaitAsParticipant()
    {
        using var participant = new KeptThroughUpdate(_server!.Engine, Keyspace.Arena, Keyspace.KeysAtAttach);
        LiveUpdateEndpoint endpoint = LiveUpdateEndpoint.Start(options.LiveUpdateSocket, participant, Keyspace.Arena);
        try
        {
            return _server.WaitForShutdownRequest();
        }
        finally
        {
            endpoint.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private sealed record Request(HandOverLink Link, ManualResetEventSlim Decided);
}
