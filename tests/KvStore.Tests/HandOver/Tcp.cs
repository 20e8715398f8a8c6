using System.Net;
using System.Net.Sockets;

namespace KvStore.Tests.HandOver;

/// <summary>A client that sends and receives bytes, as few as it wants.</summary>
internal sealed class Tcp : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public Tcp(int port)
    {
        _socket.ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds;
        _socket.Connect(new IPEndPoint(IPAddress.Loopback, port));
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    /// <summary>So many bytes; fewer where the server closed.</summary>
    public byte[] Receive(int count)
    {
        byte[] received = new byte[count];
        int length = 0;
        while (length < count && _socket.Receive(received.AsSpan(length)) is > 0 and int more)
        {
            length += more;
        }

        return received[..length];
    }

    public void Dispose() => _socket.Dispose();
}
