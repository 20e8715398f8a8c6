using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using KvStore.Engine;

namespace KvStore.Server;

/// <summary>
/// The sockets that the server listens on: those that a service manager passed, else its own.
/// They listen before the store is opened: who connects meanwhile waits in the kernel's queue and gets the first answer
/// as soon as there is one, instead of being refused and coming again.
/// </summary>
internal sealed class ServerSockets : IDisposable
{
    /// <summary>In milliseconds, between two looks at an address that is waited for.</summary>
    private const int WaitingStep = 2;

    /// <summary>Of sockets that a service manager passed.</summary>
    private const string PassedLabel = "passed";

    // Until the process ends: disposing, or a finalizer, would take a unix socket's name along.
    private static readonly List<Socket> s_left = [];

    private readonly ServerOptions _options;
    private readonly long _since = Stopwatch.GetTimestamp();
    private readonly List<Socket> _sockets = [];
    private readonly List<(string Label, Socket Socket)> _labelled = [];
    private readonly Dictionary<string, Socket> _inherited;
    private bool _ownsUnixSocket;

    private ServerSockets(ServerOptions options, Dictionary<string, Socket> inherited) =>
        (_options, _inherited) = (options, inherited);

    /// <summary>All, with what a successor knows them by.</summary>
    public IReadOnlyList<(string Label, Socket Socket)> Labelled => _labelled;

    /// <summary>Each belongs to the server once it serves it.</summary>
    public IReadOnlyList<Socket> Sockets => _sockets;

    /// <summary>The one for TLS, or null. It belongs to the server once it serves it.</summary>
    public Socket? Tls { get; private set; }

    /// <summary>Binds and listens.</summary>
    /// <param name="options">On what.</param>
    /// <param name="inherited">
    /// What the server before listened on, by its labels; null for nothing. What is not wanted any more is closed.
    /// </param>
    /// <exception cref="OptionException">An address is taken, or is none.</exception>
    public static ServerSockets Listen(ServerOptions options, Dictionary<string, Socket>? inherited = null)
    {
        var sockets = new ServerSockets(options, inherited ?? []);
        try
        {
            sockets.ListenOnAll();
            foreach (Socket socket in sockets._inherited.Values)
            {
                socket.Dispose();
            }

            return sockets;
        }
        catch
        {
            sockets.Dispose();
            throw;
        }
    }

    /// <summary>Removes the unix socket's name. Before anything is closed: later it may be the next server's.</summary>
    public void RemoveName()
    {
        if (_ownsUnixSocket)
        {
            _ownsUnixSocket = false;
            File.Delete(_options.UnixSocket);
        }
    }

    /// <summary>They are another process's: the end of this one closes them, and the unix socket's name
    /// stays.</summary>
    public void Leave()
    {
        _ownsUnixSocket = false;
        s_left.AddRange(_sockets);
        _sockets.Clear();
    }

    /// <summary>Closes them.</summary>
    public void Dispose()
    {
        RemoveName();
        _sockets.ForEach(socket => socket.Dispose());
        Tls?.Dispose();
    }

    private void ListenOnAll()
    {
        if (_options.TlsPort != 0)
        {
            string label = $"tls {_options.Bind} {_options.TlsPort}";
            IPAddress address = Address(_options.Bind);
            var end = new IPEndPoint(address, _options.TlsPort);
            string shown = $"{_options.Bind}:{_options.TlsPort}";
            Tls = WhenFree(label, () => Bound(TcpSocket(address), end, shown));
        }

        if (TakePassed())
        {
            return;
        }

        if (_options.Port != 0)
        {
            IPAddress address = Address(_options.Bind);
            var end = new IPEndPoint(address, _options.Port);
            string shown = $"{_options.Bind}:{_options.Port}";
            _sockets.Add(WhenFree($"tcp {_options.Bind} {_options.Port}", () => Bound(TcpSocket(address), end, shown)));
        }

        if (_options.UnixSocket.Length > 0)
        {
            _sockets.Add(WhenFree($"unix {Path.GetFullPath(_options.UnixSocket)}", BoundUnixSocket));
            _ownsUnixSocket = true;
        }
    }

    /// <summary>Those of the service manager, which may have passed them to the server before only.</summary>
    private bool TakePassed()
    {
        List<Socket> passed = [.. PassedSockets.Take(Environment.GetEnvironmentVariable)];
        for (int i = 0; passed.Count == i && _inherited.Remove($"{PassedLabel} {i}", out Socket? socket); i++)
        {
            passed.Add(socket);
        }

        _sockets.AddRange(passed);
        _labelled.AddRange(passed.Select((socket, i) => ($"{PassedLabel} {i}", socket)));
        return passed.Count > 0;
    }

    /// <summary>Again while somebody has the address, as long as the one before us is waited for.</summary>
    private Socket WhenFree(string label, Func<Socket> bind)
    {
        while (true)
        {
            try
            {
                Socket socket = _inherited.Remove(label, out Socket? inherited) ? inherited : bind();
                _labelled.Add((label, socket));
                return socket;
            }
            catch (AddressTakenException) when (Stopwatch.GetElapsedTime(_since) < _options.WaitForWriter)
            {
                Thread.Sleep(WaitingStep);
            }
        }
    }

    private Socket BoundUnixSocket()
    {
        string path = _options.UnixSocket;
        RemoveStaleSocket(path);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        return Bound(listener, new UnixDomainSocketEndPoint(path), path);
    }

    private static Socket TcpSocket(IPAddress address)
    {
        var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (address.Equals(IPAddress.IPv6Any))
        {
            listener.DualMode = true;
        }

        return listener;
    }

    private static IPAddress Address(string bind) => bind switch
    {
        "*" => IPAddress.IPv6Any,
        "127.0.0.1" => IPAddress.Loopback, // the usual one, without the parser, which would have to be compiled first
        _ => IPAddress.Parse(bind),
    };

    private Socket Bound(Socket listener, EndPoint end, string shown)
    {
        try
        {
            listener.Bind(end);
            if (end is UnixDomainSocketEndPoint && !OperatingSystem.IsWindows() && _options.UnixSocketMode != 0)
            {
                File.SetUnixFileMode(shown, (UnixFileMode)_options.UnixSocketMode);
            }

            listener.Listen(_options.Backlog);
            return listener;
        }
        catch (SocketException e)
        {
            listener.Dispose();
            string message = $"cannot listen on {shown}: {e.Message}";
            throw e.SocketErrorCode == SocketError.AddressAlreadyInUse
                ? new AddressTakenException(message)
                : new OptionException(message);
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

        throw new AddressTakenException($"--unixsocket {path}: another server listens there");
    }
}

/// <summary>Another process has the address, and may be about to end.</summary>
internal sealed class AddressTakenException(string message) : OptionException(message);
