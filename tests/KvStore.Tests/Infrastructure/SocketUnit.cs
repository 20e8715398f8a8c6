using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using KvStore.Demo;

namespace KvStore.Tests.Infrastructure;

/// <summary>
/// As much of systemd as a unit of type socket takes: a socket that listens, and services that are started with it
/// (sd_listen_fds(3)). It outlives them.
/// </summary>
internal sealed partial class SocketUnit : IDisposable
{
    private const int SetFlags = 2; // F_SETFD
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public SocketUnit() =>
        Assert.SkipUnless(File.Exists("/bin/bash"), "There is no /bin/bash, which opens descriptors of two digits.");

    /// <summary>The process that the socket is passed to, as the shell that becomes it says that.</summary>
    public string Receiver { get; init; } = "$$";

    public IPEndPoint EndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    /// <summary>Listens on a port of this machine, unless it listens already.</summary>
    public void Listen(int port)
    {
        if (!_socket.IsBound)
        {
            _socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            _socket.Listen();
            _ = Control(_socket.SafeHandle, SetFlags, 0); // not close-on-exec: programs that are started get it
        }
    }

    /// <summary>
    /// The program as its service: a shell makes the socket descriptor 3, and becomes the program. It listens on the
    /// first one's port.
    /// </summary>
    public ServerProgram Service(ServerProgram program)
    {
        return program with
        {
            Executable = "/bin/bash",
            Arguments = (directory, port, socket) =>
            {
                Listen(port);
                return ["-c", Script, program.Executable, .. program.Arguments(directory, port, socket)];
            },
            Environment = new Dictionary<string, string>(program.Environment) { ["LISTEN_FDS"] = "1" },
        };
    }

    private string Script => string.Create(
        CultureInfo.InvariantCulture, $"LISTEN_PID={Receiver} exec \"$0\" \"$@\" 3<&{_socket.Handle}");

    public void Dispose() => _socket.Dispose();

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(SafeHandle descriptor, int command, int argument);
}
