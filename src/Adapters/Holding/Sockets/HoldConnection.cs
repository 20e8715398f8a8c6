using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using GuestMemFs.Holding.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding.Sockets;

/// <summary>
/// A connection to the holder. Messages keep their bounds (SOCK_SEQPACKET): lines of UTF-8, the first is the word. The
/// client asks, the holder answers:
/// <code>
/// take STORE            file NAME (with a descriptor) ..., done COUNT PID SINCE NOTE
/// put STORE NAME        (with a descriptor) ok
/// drop STORE NAME       ok
/// note STORE TEXT       ok: what is said to who finds the store empty
/// list                  store STORE FILES BYTES ..., done COUNT PID SINCE
/// handover file STORE NAME (with a descriptor) ..., note STORE TEXT ..., done COUNT; the client says ok, and the
/// holder ends anything error KIND TEXT
/// </code>
/// </summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class HoldConnection(Socket socket) : IDisposable
{
    private const int ReceiveLimit = 20; // SO_RCVTIMEO
    private const int SendLimit = 21; // SO_SNDTIMEO
    private const int LongestMessage = 4096;
    private readonly byte[] _buffer = new byte[LongestMessage];

    /// <summary>The user at the other end, as the kernel tells it (SO_PEERCRED).</summary>
    public uint PeerUser => PeerCredentials.Of(socket).UserId;

    /// <summary>Connects to a holder's socket.</summary>
    /// <exception cref="SocketException">Nobody is there.</exception>
    /// <exception cref="UntrustedOwnerException">Who listens there is not trusted.</exception>
    public static HoldConnection Connect(string path, PathTrust trust)
    {
        Socket socket = NewSocket();
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            trust.Require(PeerCredentials.Of(socket).UserId, $"The holder at {path}");
            return new HoldConnection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static Socket NewSocket() => new(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);

    public void Send(string word, params ReadOnlySpan<string> fields) => Send(null, word, fields);

    /// <exception cref="IOException">The other side is gone.</exception>
    public void Send(SafeHandle? descriptor, string word, params ReadOnlySpan<string> fields)
    {
        byte[] message = Encoding.UTF8.GetBytes(string.Join('\n', [word, .. fields]));
        if (message.Length > LongestMessage)
        {
            throw new IOException($"A message of {message.Length} bytes is longer than {LongestMessage}.");
        }

        DescriptorMessages.Send(socket.SafeHandle, message, descriptor);
    }

    /// <summary>The next message, or null where the other side has closed.</summary>
    /// <exception cref="IOException">The connection failed.</exception>
    public HoldMessage? Receive()
    {
        int length = DescriptorMessages.Receive(socket.SafeHandle, _buffer, out SafeFileHandle? descriptor);
        if (length == 0)
        {
            descriptor?.Dispose();
            return null;
        }

        string[] lines = Encoding.UTF8.GetString(_buffer, 0, length).Split('\n');
        return new HoldMessage(lines[0], lines[1..], descriptor);
    }

    /// <summary>
    /// From here on a message that the other side does not take within the time is a connection that failed.
    /// </summary>
    public void LimitSending(TimeSpan time) => Limit(SendLimit, time);

    /// <summary>The same where none comes.</summary>
    public void LimitReceiving(TimeSpan time) => Limit(ReceiveLimit, time);

    /// <summary>
    /// Waits until something comes or the other side closes; false where neither happens in the time.
    /// </summary>
    public bool Wait(TimeSpan time) => socket.Poll(time, SelectMode.SelectRead);

    public void Dispose() => socket.Dispose();

    private void Limit(int option, TimeSpan time)
    {
        Span<long> value = [(long)time.TotalSeconds, time.Microseconds + (time.Milliseconds * 1000L)]; // struct timeval
        socket.SetRawSocketOption(SocketMessage.SOL_SOCKET, option, MemoryMarshal.AsBytes(value));
    }
}
