using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KvStore.Tests.Commands;

/// <summary>A client that knows only where a reply ends: replies are compared as the bytes they are.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _start;
    private int _end;

    public RawClient(IPEndPoint end)
    {
        _socket.NoDelay = true;
        _socket.ReceiveTimeout = 20_000;
        _socket.Connect(end);
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    /// <summary>Sends a command, one byte a character.</summary>
    public void Send(params ReadOnlySpan<string> args)
    {
        var text = new StringBuilder($"*{args.Length}\r\n");
        foreach (string arg in args)
        {
            text.Append($"${arg.Length}\r\n{arg}\r\n");
        }

        Send(Encoding.Latin1.GetBytes(text.ToString()));
    }

    public string Call(params ReadOnlySpan<string> args)
    {
        Send(args);
        return ReadReply();
    }

    /// <summary>Sends a command to a server that may have closed already, and returns the first reply, whatever it answers.</summary>
    public string ReadGreeting(params ReadOnlySpan<string> command)
    {
        try
        {
            Send(command);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown or SocketError.ConnectionAborted)
        {
            // What it said before it closed is still to be read.
        }

        return ReadReply();
    }

    /// <summary>One whole reply, one character a byte; "(closed)" where the server closed.</summary>
    public string ReadReply()
    {
        var text = new StringBuilder();
        return TryReadReply(text) ? text.ToString() : text + "(closed)";
    }

    /// <summary>All there is until the server closes.</summary>
    public string ReadToEnd()
    {
        var text = new StringBuilder();
        while (TryReadByte(out byte b))
        {
            text.Append((char)b);
        }

        return text.ToString();
    }

    public void Dispose() => _socket.Dispose();

    private bool TryReadReply(StringBuilder text)
    {
        int line = text.Length;
        if (!TryReadLine(text))
        {
            return false;
        }

        char type = text[line];
        string rest = text.ToString(line + 1, text.Length - line - 3);
        long count = type switch
        {
            '$' or '=' => 0,
            '*' or '~' or '>' => Math.Max(0, long.Parse(rest)),
            '%' => 2 * long.Parse(rest),
            _ => 0,
        };
        if (type is '$' or '=' && rest != "-1")
        {
            return TryReadBytes(text, long.Parse(rest) + 2);
        }

        for (long i = 0; i < count; i++)
        {
            if (!TryReadReply(text))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryReadLine(StringBuilder text)
    {
        while (TryReadByte(out byte b))
        {
            text.Append((char)b);
            if (b == '\n')
            {
                return true;
            }
        }

        return false;
    }

    private bool TryReadBytes(StringBuilder text, long count)
    {
        for (; count > 0; count--)
        {
            if (!TryReadByte(out byte b))
            {
                return false;
            }

            text.Append((char)b);
        }

        return true;
    }

    private bool TryReadByte(out byte b)
    {
        if (_start == _end)
        {
            _start = 0;
            try
            {
                _end = _socket.Receive(_buffer);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                _end = 0;
            }
        }

        b = _end > 0 ? _buffer[_start++] : (byte)0;
        return _end > 0;
    }
}
