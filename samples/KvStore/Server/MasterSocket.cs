using System.Net.Sockets;
using System.Text;
using KvStore.Replication;

namespace KvStore.Server;

/// <summary>The connection to a master, on a thread of its own: lines, bytes, and commands to it.</summary>
internal sealed class MasterSocket : IDisposable
{
    private const int BufferSize = 64 << 10;
    private const int LongestLine = 4096;

    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[BufferSize];
    private int _at;
    private int _end;

    private MasterSocket(Socket socket) => _socket = socket;

    /// <summary>Called whenever bytes came.</summary>
    public Action? Heard { get; set; }

    /// <summary>Connects.</summary>
    /// <exception cref="MasterException">It cannot be reached.</exception>
    public static MasterSocket Connect(MasterAddress master, TimeSpan patience, CancellationToken ends)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(ends);
            limit.CancelAfter(patience);
            socket.ConnectAsync(master.Host, master.Port, limit.Token).AsTask().GetAwaiter().GetResult();
            socket.ReceiveTimeout = socket.SendTimeout = (int)Math.Min(int.MaxValue, patience.TotalMilliseconds);
            return new MasterSocket(socket);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ArgumentException)
        {
            socket.Dispose();
            throw new MasterException(e is SocketException ? $"it cannot be reached: {e.Message}"
                : $"it did not take the connection within {patience.TotalSeconds} seconds");
        }
    }

    /// <summary>Sends a command.</summary>
    public void Send(params ReadOnlySpan<string> words)
    {
        var text = new StringBuilder();
        text.Append('*').Append(words.Length).Append("\r\n");
        foreach (string word in words)
        {
            text.Append('$').Append(Encoding.UTF8.GetByteCount(word)).Append("\r\n").Append(word).Append("\r\n");
        }

        SendRaw(Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <summary>Sends bytes.</summary>
    public void SendRaw(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    /// <summary>A line, without its end; empty ones are signs of life, and passed over.</summary>
    /// <exception cref="MasterException">It is none, or does not come.</exception>
    public string ReadLine()
    {
        while (true)
        {
            int end = _buffer.AsSpan(_at, _end - _at).IndexOf((byte)'\n');
            if (end >= 0)
            {
                string line = Encoding.Latin1.GetString(_buffer, _at, end).TrimEnd('\r');
                _at += end + 1;
                if (line.Length > 0)
                {
                    return line;
                }
            }
            else if (_end - _at > LongestLine)
            {
                throw new MasterException("it sends what is no line where one has to be");
            }
            else
            {
                Fill();
            }
        }
    }

    /// <summary>Takes some bytes; none where it has gone.</summary>
    public int Read(Span<byte> to)
    {
        if (_at == _end)
        {
            return Receive(to);
        }

        int taken = Math.Min(to.Length, _end - _at);
        _buffer.AsSpan(_at, taken).CopyTo(to);
        _at += taken;
        return taken;
    }

    /// <summary>True where bytes are there within a time.</summary>
    public bool Poll(TimeSpan time) => _at < _end || _socket.Poll(time, SelectMode.SelectRead);

    public void Dispose() => _socket.Dispose();

    private void Fill()
    {
        _buffer.AsSpan(_at, _end - _at).CopyTo(_buffer);
        (_at, _end) = (0, _end - _at);
        int received = Receive(_buffer.AsSpan(_end));
        if (received == 0)
        {
            throw new MasterException("it has closed the connection");
        }

        _end += received;
    }

    private int Receive(Span<byte> to)
    {
        try
        {
            int received = _socket.Receive(to);
            Heard?.Invoke();
            return received;
        }
        catch (SocketException e)
        {
            throw new MasterException(e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock
                ? $"it was silent for {_socket.ReceiveTimeout / 1000} seconds (repl-timeout)"
                : $"the connection has ended: {e.Message}");
        }
    }
}
