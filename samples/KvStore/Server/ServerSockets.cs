using System.Net;
using System.Net.Sockets;
using KvStore.Engine;

namespace KvStore.Server;

/// <summary>
/// The sockets that the server listens on. They listen before the store is opened: who connects meanwhile waits in the kernel's queue and gets the first answer as soon as there
/// is one, instead of being refused and coming again.
/// </summary>
internal sealed class ServerSockets : IDisposable
{
    private readonly ServerOptions _options;
    private readonly List<Socket> _sockets = [];
    private bool _ownsUnixSocket;

    private ServerSockets(ServerOptions options) => _options = options;

    /// <summary>Each belongs to the server once it serves it.</summary>
    public IReadOnlyList<Socket> Sockets => _sockets;

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
    }

    private void ListenOnAll()
    {
        if (_options.Port != 0)
        {
            IPAddress address = Address(_options.Bind);
            var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (address.Equals(IPAddress.IPv6Any))
            {
                listener.DualMode = true;
            }

            Listen(listener, new IPEndPoint(address, _options.Port), $"{_options.Bind}:{_options.Port}");
        }

        if (_options.UnixSocket.Length > 0)
        {
            RemoveStaleSocket(_options.UnixSocket);
            Listen(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), new UnixDomainSocketEndPoint(_options.UnixSocket), _options.UnixSocket);
            _ownsUnixSocket = true;
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
            if (end is UnixDomainSocketEndPoint && !OperatingSystem.IsWindows() && _options.UnixSocketMode != 0)
            {
                File.SetUnixFileMode(shown, (UnixFileMode)_options.UnixSocketMode);
            }

            listener.Listen(_options.Backlog);
            _sockets.Add(listener);
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
}
