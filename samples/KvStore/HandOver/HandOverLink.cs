using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using GuestMemFs;
using GuestMemFs.Holding;

namespace KvStore.HandOver;

/// <summary>
/// A connection between a server and its successor. Messages keep their bounds (SOCK_SEQPACKET): a byte that says which
/// it is, bytes, descriptors.
/// </summary>
/// <remarks>For one thread.</remarks>
internal sealed class HandOverLink : IDisposable
{
    /// <summary>Most bytes of one message.</summary>
    public const int LargestPayload = 60 * 1024;

    private const int ReceiveLimit = 20; // SO_RCVTIMEO
    private const int SendLimit = 21; // SO_SNDTIMEO
    private const int TryAgain = 11; // EAGAIN
    private const int BrokenPipe = 32; // EPIPE
    private const int ConnectionReset = 104; // ECONNRESET

    private readonly Socket _socket;
    private readonly byte[] _sent = new byte[LargestPayload + 1];
    private readonly byte[] _received = new byte[LargestPayload + 1];
    private readonly int[] _descriptors = new int[DescriptorPassing.MaximumDescriptors];

    public HandOverLink(Socket socket)
    {
        _socket = socket;
        Peer = PeerCredentials.Of(socket);
    }

    /// <summary>The process and user at the other end, as the kernel tells it.</summary>
    public PeerCredentials Peer { get; }

    public static Socket NewSocket() => new(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);

    /// <summary>Connects to the server that listens at a path.</summary>
    /// <exception cref="SocketException">Nobody does.</exception>
    /// <exception cref="UntrustedOwnerException">It is another user's.</exception>
    public static HandOverLink Connect(string path)
    {
        PathTrust.Own.RequireDirectoryOf(path);
        Socket socket = NewSocket();
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            var link = new HandOverLink(socket);
            PathTrust.Own.Require(link.Peer.UserId, $"The server at {path}");
            return link;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Gets ready to receive so many descriptors.</summary>
    public void MakeRoom(int descriptors) => DescriptorTable.MakeRoom(_socket.SafeHandle, descriptors);

    /// <summary>For so long a message may take from here on, sent or received.</summary>
    public void Limit(TimeSpan time)
    {
        Span<long> value = [(long)time.TotalSeconds, time.Microseconds + (time.Milliseconds * 1000L)]; // timeval
        _socket.SetRawSocketOption(1, ReceiveLimit, MemoryMarshal.AsBytes(value)); // 1: SOL_SOCKET
        _socket.SetRawSocketOption(1, SendLimit, MemoryMarshal.AsBytes(value));
    }

    /// <exception cref="HandOverException">The other side is gone, or takes nothing.</exception>
    public void Send(
        HandOverMessage kind, ReadOnlySpan<byte> payload = default, ReadOnlySpan<int> descriptors = default)
    {
        _sent[0] = (byte)kind;
        payload.CopyTo(_sent.AsSpan(1));
        int error = DescriptorPassing.TrySend(
            _socket.SafeHandle, _sent.AsSpan(0, payload.Length + 1), descriptors, out _);
        if (error != 0)
        {
            throw Failed(error);
        }
    }

    public void Send(HandOverMessage kind, string text) => Send(kind, Encoding.UTF8.GetBytes(text));

    /// <summary>Says why it does not go further; whether that arrives matters no more.</summary>
    public void Refuse(string why)
    {
        try
        {
            Send(HandOverMessage.Refusal, why[..Math.Min(why.Length, 4000)]);
        }
        catch (HandOverException)
        {
            // It is gone, and needs no reason.
        }
    }

    /// <summary>The next message.</summary>
    /// <param name="payload">Valid until the next one.</param>
    /// <param name="sockets">The caller's.</param>
    /// <exception cref="HandOverException">None came in the time, or it is none of ours.</exception>
    public HandOverMessage Receive(out ReadOnlySpan<byte> payload, out SafeSocketHandle[] sockets)
    {
        payload = default;
        int error = DescriptorPassing.TryReceive(
            _socket.SafeHandle, _received, _descriptors, out int length, out int count);
        sockets = [.. _descriptors.Take(count).Select(it => new SafeSocketHandle(it, ownsHandle: true))];
        if (error is ConnectionReset or BrokenPipe || (error == 0 && length == 0))
        {
            return HandOverMessage.Closed;
        }

        if (error != 0)
        {
            Array.ForEach(sockets, socket => socket.Dispose());
            throw Failed(error);
        }

        payload = _received.AsSpan(1, length - 1);
        return (HandOverMessage)_received[0];
    }

    /// <summary>The same, where no descriptors are meant to come.</summary>
    public HandOverMessage Receive(out ReadOnlySpan<byte> payload)
    {
        HandOverMessage kind = Receive(out payload, out SafeSocketHandle[] sockets);
        Array.ForEach(sockets, socket => socket.Dispose());
        return kind;
    }

    public void Dispose() => _socket.Dispose();

    private static HandOverException Failed(int error) => new(
        error == TryAgain ? "the other side did nothing within the time"
            : $"the connection failed: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})",
        error is BrokenPipe or ConnectionReset);
}
