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
    private const int Connections = 16;
    private const int ValueLength = 100;
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

        for (int i = 0; i < keys; i += 100)
        {
            _sockets[0].Send(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(i, 100).Select(SetRequest))));
            Receive(_sockets[0], 100 * SetReply.Length);
        }
    }

    private static string SetReply => "+OK\r\n";

    /// <summary>Runs rounds of requests on random keys; returns how many requests that were.</summary>
    public int Run(bool set, int depth, int rounds)
    {
        byte[][] requests = new byte[Connections][];
        int reply = depth * (set ? SetReply.Length : $"${ValueLength}\r\n".Length + ValueLength + 2);
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < Connections && (round & 63) == 0; i++)
            {
                requests[i] = Encoding.ASCII.GetBytes(string.Concat(
                    Enumerable.Range(0, depth).Select(_ => set ? SetRequest(Random()) : GetRequest(Random()))));
            }

            for (int i = 0; i < Connections; i++)
            {
                _sockets[i].Send(requests[i]);
            }

            for (int i = 0; i < Connections; i++)
            {
                Receive(_sockets[i], reply);
            }
        }

        return rounds * depth * Connections;
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

    private static string SetRequest(int index) =>
        $"*3\r\n$3\r\nSET\r\n$16\r\nkey:{index:D12}\r\n${ValueLength}\r\n{new string('x', ValueLength)}\r\n";

    private static string GetRequest(int index) => $"*2\r\n$3\r\nGET\r\n$16\r\nkey:{index:D12}\r\n";
}
