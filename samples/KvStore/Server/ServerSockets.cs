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

    private readonly ServerOptions _options;
    private readonly long _since = Stopwatch.GetTimestamp();
    private readonly List<Socket> _sockets = [];
    private bool _ownsUnixSocket;

    private ServerSockets(ServerOptions options) => _options = options;

    /// <summary>Each belongs to the server once it serves it.</summary>
    public IReadOnlyList<Socket> Sockets => _sockets;

    /// <summary>The one for TLS, or null. It belongs to the server once it serves it.</summary>
    public Socket? Tls { get; private set; }

    /// <summary>Binds and listens.</summary>
    /// <exception cref="OptionException">An address is taken, or is none.</exception>
    public static ServerSockets Listen(ServerOptions options)
    {
        var sockets = new ServerSockets(options);
        try
        {
            sockets.ListenOnAll();
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
            IPAddress address = Address(_options.Bind);
            var end = new IPEndPoint(address, _options.TlsPort);
            WhenFree(() => Tls = Bound(TcpSocket(address), end, $"{_options.Bind}:{_options.TlsPort}"));
        }

        _sockets.AddRange(PassedSockets.Take(Environment.GetEnvironmentVariable));
        if (_sockets.Count > 0)
        {
            return;
        }

        if (_options.Port != 0)
        {
            IPAddress address = Address(_options.Bind);
            WhenFree(() => Listen(TcpSocket(address), new IPEndPoint(address, _options.Port),
                $"{_options.Bind}:{_options.Port}"));
        }

        if (_options.UnixSocket.Length > 0)
        {
            WhenFree(ListenOnUnixSocket);
            _ownsUnixSocket = true;
        }
    }

    /// <summary>Again while somebody has the address, as long as the one before us is waited for.</summary>
    private void WhenFree(Action listen)
    {
        while (true)
        {
            try
            {
                listen();
                return;
            }
            catch (AddressTakenException) when (Stopwatch.GetElapsedTime(_since) < _options.WaitForWriter)
            {
                Thread.Sleep(WaitingStep);
            }
        }
    }

    private void ListenOnUnixSocket()
    {
        string path = _options.UnixSocket;
        RemoveStaleSocket(path);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Listen(listener, new UnixDomainSocketEndPoint(path), path);
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

    private void Listen(Socket listener, EndPoint end, string shown) => _sockets.Add(Bound(listener, end, shown));

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
