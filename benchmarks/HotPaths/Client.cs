using System.Net.Sockets;
using System.Text;

namespace GuestMemFs.HotPaths;

/// <summary>
/// Sixteen connections over a unix socket, one thread: each round sends the same number of requests on every
/// connection, then waits for all replies. So the server's work is the same whatever the client's speed, and its
/// processor time a request can be compared.
/// </summary>
internal sealed class Client : IDisposable
{
    public const int Connections = 16;
    private readonly Socket[] _sockets = new Socket[Connections];
    private readonly byte[] _reply = new byte[1 << 16];
    private readonly int _keys;
    private ulong _state = 88172645463325252;

    /// <summary>Connects, waiting for the server to listen, and sets all keys.</summary>
    public Client(string socket, int keys)
    {
        _keys = keys;
        var address = new UnixDomainSocketEndPoint(socket);
        for (int i = 0; i < Connections; i++)
        {
            _sockets[i] = Connect(address);
        }

        Fill(Request.Set);
    }

    /// <summary>Runs a request for each key, one after the other.</summary>
    public void Fill(Request request)
    {
        for (int i = 0; i < _keys; i += 100)
        {
            _sockets[0].Send(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(i, 100).Select(request.Text))));
            Receive(_sockets[0], 100 * request.ReplyLength);
        }
    }

    /// <summary>Runs rounds of requests on random keys; returns how many requests that were.</summary>
    public int Run(Request request, int depth, int rounds)
    {
        byte[][] requests = new byte[Connections][];
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < Connections && (round & 63) == 0; i++)
            {
                requests[i] = Encoding.ASCII.GetBytes(
                    string.Concat(Enumerable.Range(0, depth).Select(_ => request.Text(Random()))));
            }

            for (int i = 0; i < Connections; i++)
            {
                _sockets[i].Send(requests[i]);
            }

            for (int i = 0; i < Connections; i++)
            {
                Receive(_sockets[i], depth * request.ReplyLength);
            }
        }

        return rounds * depth * Connections;
    }

    /// <summary>Asks the server to end; the connections are closed.</summary>
    public void ShutDown()
    {
        _sockets[0].Send("*1\r\n$8\r\nSHUTDOWN\r\n"u8);
        Dispose();
    }

    public void Dispose() => Array.ForEach(_sockets, socket => socket?.Dispose());

    private static Socket Connect(UnixDomainSocketEndPoint address)
    {
        for (int attempt = 0; ; attempt++)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                socket.Connect(address);
                return socket;
            }
            catch (SocketException) when (attempt < 3000)
            {
                socket.Dispose();
                Thread.Sleep(10);
            }
        }
    }

    private void Receive(Socket socket, int length)
    {
        while (length > 0)
        {
            int count = socket.Receive(_reply, Math.Min(length, _reply.Length), SocketFlags.None);
            if (count == 0 || _reply[0] == '-')
            {
                throw new InvalidOperationException(count == 0 ? "The server closed the connection."
                    : $"The server answered {Encoding.ASCII.GetString(_reply, 0, count)}");
            }

            length -= count;
        }
    }

    private int Random()
    {
        _state ^= _state << 13;
        _state ^= _state >> 7;
        _state ^= _state << 17;
        return (int)(_state % (ulong)_keys);
    }
}
