using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KvStore.Demo;

/// <summary>
/// A small blocking client of the Redis protocol, RESP2 and RESP3. Commands are collected by <c>Add</c>, sent by
/// <see cref="Flush"/> and answered in order by <see cref="Read"/>: pipelining is nothing more than adding many before
/// flushing. Shares no code with the server, so that the server is judged from outside. For one thread at a time.
/// </summary>
internal sealed class RespClient : IDisposable
{
    private const int MuchToSend = 64 * 1024;
    private const int SafeChunk = 4096;
    private const int Deepest = 32;
    private const int LongestLine = 1 << 20;
    private const int LongestBulk = 768 << 20;
    private const int FirstItems = 1024;
    private readonly Socket _socket;
    private byte[] _out = new byte[16 * 1024];
    private int _outLength;
    private byte[] _in = new byte[64 * 1024];
    private int _inStart;
    private int _inEnd;

    private RespClient(Socket socket) => _socket = socket;

    /// <summary>Bytes added and not yet flushed.</summary>
    public int Pending => _outLength;

    /// <summary>
    /// Most elements of one reply, those within others counted; a server that sends more is not believed.
    /// </summary>
    public int MostItems { get; init; } = int.MaxValue;

    /// <summary>Takes a copy of everything that is received, as the bytes it is; null for nobody.</summary>
    public Stream? Transcript { get; set; }

    /// <summary>Connects. Throws <see cref="SocketException"/> where nobody listens.</summary>
    /// <param name="endPoint">Where to.</param>
    /// <param name="timeout">How long a reply may take before a <see cref="SocketException"/> (TimedOut) ends the
    /// wait.</param>
    /// <param name="mostItems"><see cref="MostItems"/>.</param>
    public static RespClient Connect(EndPoint endPoint, TimeSpan? timeout = null, int mostItems = int.MaxValue)
    {
        var unix = endPoint is UnixDomainSocketEndPoint;
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream,
            unix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        try
        {
            if (!unix)
            {
                socket.NoDelay = true;
            }

            int milliseconds = (int)(timeout ?? TimeSpan.FromSeconds(30)).TotalMilliseconds;
            socket.ReceiveTimeout = milliseconds;
            socket.SendTimeout = milliseconds;
            socket.Connect(endPoint);
            return new RespClient(socket) { MostItems = mostItems };
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends one command and waits for its reply. An error is a reply, not an exception.</summary>
    public RespReply Call(params ReadOnlySpan<RespArgument> arguments)
    {
        Add(arguments);
        Flush();
        return Read();
    }

    /// <summary>Adds a command to what the next flush sends.</summary>
    public void Add(params ReadOnlySpan<RespArgument> arguments)
    {
        Begin(arguments.Length);
        foreach (RespArgument argument in arguments)
        {
            Argument(argument.Bytes);
        }
    }

    /// <summary>Begins a command of so many arguments, which <see cref="Argument"/> adds without allocating.</summary>
    public void Begin(int arguments) => Header((byte)'*', arguments);

    /// <summary>Adds one argument of the command that was begun.</summary>
    public void Argument(ReadOnlySpan<byte> bytes)
    {
        Header((byte)'$', bytes.Length);
        Raw(bytes);
        Raw("\r\n"u8);
    }

    /// <summary>Adds bytes as they are: for tests of what no well-behaved client sends.</summary>
    public void Raw(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(_out.AsSpan(_outLength));
        _outLength += bytes.Length;
    }

    /// <summary>Sends everything that was added.</summary>
    public void Flush()
    {
        int sent = 0;
        while (sent < _outLength)
        {
            int chunk = _outLength - sent;
            if (_outLength > MuchToSend)
            {
                WaitForRoom();
                chunk = Math.Min(chunk, SafeChunk);
            }

            sent += _socket.Send(_out.AsSpan(sent, chunk));
        }

        _outLength = 0;
    }

    /// <summary>Reads the next reply. Throws <see cref="EndOfStreamException"/> where the server closed,
    /// <see cref="InvalidDataException"/> where what it sent is no RESP.</summary>
    public RespReply Read()
    {
        int items = 0;
        return Read(Deepest, ref items);
    }

    private RespReply Read(int deeper, ref int items)
    {
        ReadOnlySpan<byte> line = Line();
        byte kind = line.Length == 0 ? (byte)0 : line[0];
        ReadOnlySpan<byte> rest = line.Length == 0 ? line : line[1..];
        switch (kind)
        {
            case (byte)'+': return new RespReply(RespKind.Simple, rest.ToArray());
            case (byte)'-': return new RespReply(RespKind.Error, rest.ToArray());
            case (byte)':': return new RespReply(RespKind.Integer, Integer: Number(rest));
            case (byte)',': return new RespReply(RespKind.Double, rest.ToArray());
            case (byte)'(': return new RespReply(RespKind.BigNumber, rest.ToArray());
            case (byte)'#': return new RespReply(RespKind.Boolean, Integer: rest is [(byte)'t', ..] ? 1 : 0);
            case (byte)'_': return RespReply.Null;
            case (byte)'$': return Bulk(RespKind.Bulk, Number(rest));
            case (byte)'=': return Bulk(RespKind.Verbatim, Number(rest));
            case (byte)'*': return Aggregate(RespKind.Array, Number(rest), deeper, ref items);
            case (byte)'~': return Aggregate(RespKind.Set, Number(rest), deeper, ref items);
            case (byte)'>': return Aggregate(RespKind.Push, Number(rest), deeper, ref items);
            case (byte)'%': return Aggregate(RespKind.Map, Number(rest) * 2, deeper, ref items);
            default: throw new InvalidDataException(
                $"A reply begins with {RespReply.Describe(line)}, which is no RESP.");
        }
    }

    /// <summary>
    /// Reads a reply that must be a bulk string, without allocating; false for a null. The bytes are valid until the
    /// next read.
    /// </summary>
    public bool TryReadBulk(out ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> line = Line();
        if (line.SequenceEqual("$-1"u8) || line.SequenceEqual("_"u8))
        {
            bytes = default;
            return false;
        }

        if (line.Length == 0 || line[0] != (byte)'$')
        {
            throw new InvalidDataException($"A bulk string was expected, not {RespReply.Describe(line)}.");
        }

        bytes = Payload(Number(line[1..]));
        return true;
    }

    /// <summary>
    /// Reads a reply that must be <c>+OK</c>, without allocating; throws <see cref="InvalidDataException"/> with what
    /// else it was.
    /// </summary>
    public void ReadOk()
    {
        ReadOnlySpan<byte> line = Line();
        if (!line.SequenceEqual("+OK"u8))
        {
            throw new InvalidDataException($"+OK was expected, not {RespReply.Describe(line)}.");
        }
    }

    /// <summary>Bytes received that no reply was read from.</summary>
    public int Unread => _inEnd - _inStart;

    /// <summary>Closes the connection, unread replies and all.</summary>
    public void Dispose() => _socket.Dispose();

    private static long Number(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text is [(byte)'+', .. var digits] ? digits : text, out long number, out int used)
            && used > 0 ? number
            : throw new InvalidDataException($"A number was expected, not {RespReply.Describe(text)}.");

    private RespReply Bulk(RespKind kind, long length) =>
        length < 0 ? RespReply.Null : new RespReply(kind, Payload(length).ToArray());

    // Memory is taken as elements come: a count is no more than a word.
    private RespReply Aggregate(RespKind kind, long count, int deeper, ref int items)
    {
        if (count < 0)
        {
            return RespReply.Null;
        }

        if (deeper == 0 || count > MostItems - items)
        {
            throw new InvalidDataException($"A reply has {count} elements more, or is {Deepest} deep: it is none.");
        }

        items += (int)count;
        var all = new RespReply[Math.Min(count, FirstItems)];
        for (int i = 0; i < count; i++)
        {
            if (i == all.Length)
            {
                Array.Resize(ref all, (int)Math.Min(count, 2L * i));
            }

            all[i] = Read(deeper - 1, ref items);
        }

        return new RespReply(kind, Items: all);
    }

    private ReadOnlySpan<byte> Line()
    {
        int from = 0;
        while (true)
        {
            int at = _in.AsSpan(_inStart + from, _inEnd - _inStart - from).IndexOf((byte)'\n');
            if (at >= 0)
            {
                ReadOnlySpan<byte> line = _in.AsSpan(_inStart, from + at);
                _inStart += from + at + 1;
                return line is [.. var head, (byte)'\r'] ? head
                    : throw new InvalidDataException("A line of a reply does not end with CR LF.");
            }

            from = _inEnd - _inStart;
            if (from > LongestLine)
            {
                throw new InvalidDataException($"A line of a reply has more than {LongestLine} bytes.");
            }

            Receive();
        }
    }

    private ReadOnlySpan<byte> Payload(long said)
    {
        int length = said <= LongestBulk ? (int)said
            : throw new InvalidDataException($"A bulk string says that it has {said} bytes.");
        while (_inEnd - _inStart < length + 2)
        {
            Receive();
        }

        ReadOnlySpan<byte> payload = _in.AsSpan(_inStart, length);
        if (!_in.AsSpan(_inStart + length, 2).SequenceEqual("\r\n"u8))
        {
            throw new InvalidDataException($"A bulk string of {length} bytes does not end with CR LF.");
        }

        _inStart += length + 2;
        return payload;
    }

    // A server that waits until its replies are read must find somebody who reads, or both would wait without end.
    private void WaitForRoom()
    {
        long started = Environment.TickCount64;
        while (!_socket.Poll(TimeSpan.Zero, SelectMode.SelectWrite))
        {
            if (_socket.Poll(TimeSpan.FromMilliseconds(1), SelectMode.SelectRead))
            {
                Receive();
                started = Environment.TickCount64;
            }
            else if (_socket.SendTimeout > 0 && Environment.TickCount64 - started > _socket.SendTimeout)
            {
                throw new SocketException((int)SocketError.TimedOut);
            }
        }
    }

    private void Receive()
    {
        if (_inStart == _inEnd)
        {
            _inStart = _inEnd = 0;
        }
        else if (_inEnd == _in.Length)
        {
            int kept = _inEnd - _inStart;
            byte[] target = kept > _in.Length / 2 ? new byte[_in.Length * 2] : _in;
            _in.AsSpan(_inStart, kept).CopyTo(target);
            (_in, _inStart, _inEnd) = (target, 0, kept);
        }

        int received = _socket.Receive(_in.AsSpan(_inEnd));
        if (received == 0)
        {
            throw new EndOfStreamException("The server closed the connection.");
        }

        Transcript?.Write(_in.AsSpan(_inEnd, received));
        _inEnd += received;
    }

    private void Header(byte kind, int number)
    {
        Reserve(16);
        _out[_outLength++] = kind;
        Utf8Formatter.TryFormat(number, _out.AsSpan(_outLength), out int written);
        _outLength += written;
        _out[_outLength++] = (byte)'\r';
        _out[_outLength++] = (byte)'\n';
    }

    private void Reserve(int more)
    {
        if (_out.Length - _outLength < more)
        {
            Array.Resize(ref _out, Math.Max(_out.Length * 2, _outLength + more));
        }
    }
}
