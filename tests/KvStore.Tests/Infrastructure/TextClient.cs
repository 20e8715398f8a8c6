using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using KvStore.Demo;

namespace KvStore.Tests.Infrastructure;

/// <summary>
/// Commands and replies as text, one character a byte: replies are compared as the bytes they are.
/// <see cref="RespClient"/> says where a reply ends. One command at a time; a server that closes is an answer,
/// "(closed)", not an exception.
/// </summary>
internal sealed class TextClient : IDisposable
{
    private readonly MemoryStream _received = new();
    private readonly RespClient _client;

    public TextClient(EndPoint endPoint)
    {
        _client = RespClient.Connect(endPoint);
        _client.Transcript = _received;
    }

    /// <summary>Sends a command and returns its reply; "(closed)" ends it where the server closed.</summary>
    public string Call(params ReadOnlySpan<string> arguments)
    {
        _client.Begin(arguments.Length);
        foreach (string argument in arguments)
        {
            _client.Argument(Encoding.Latin1.GetBytes(argument));
        }

        Flush();
        return Receive();
    }

    /// <summary>What comes next without having been asked for; "(closed)" where the server closed.</summary>
    public string Receive() => TryRead() ? Take(_client.Unread) : Take(0) + "(closed)";

    /// <summary>A number of a section of INFO.</summary>
    public long Info(string section, string name)
    {
        string[] lines = Call("INFO", section).Split("\r\n");
        string line = lines.First(l => l.StartsWith(name + ":", StringComparison.Ordinal));
        return long.Parse(line[(name.Length + 1)..], CultureInfo.InvariantCulture);
    }

    /// <summary>Sends bytes as they are, commands or not.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        _client.Raw(bytes);
        Flush();
    }

    /// <summary>All there is until the server closes.</summary>
    public string ReadToEnd()
    {
        while (TryRead())
        {
            // The transcript keeps it.
        }

        return Take(0);
    }

    public void Dispose() => _client.Dispose();

    private void Flush()
    {
        try
        {
            _client.Flush();
        }
        catch (Exception e) when (SaysClosed(e))
        {
            // What the server said before it closed is still to be read.
        }
    }

    private bool TryRead()
    {
        try
        {
            _client.Read();
            return true;
        }
        catch (Exception e) when (SaysClosed(e))
        {
            return false;
        }
    }

    /// <summary>All that was received but the last bytes, which stay.</summary>
    private string Take(int kept)
    {
        int length = (int)_received.Length - kept;
        string text = Encoding.Latin1.GetString(_received.GetBuffer(), 0, length);
        byte[] rest = _received.GetBuffer().AsSpan(length, kept).ToArray();
        _received.SetLength(0);
        _received.Write(rest);
        return text;
    }

    private static bool SaysClosed(Exception e) => e is EndOfStreamException
        or SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.ConnectionAborted
            or SocketError.Shutdown };
}
