using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KvStore.Tests.Replication;

/// <summary>A master that greets its replicas as one does, and then says what a test wants.</summary>
internal sealed class FakeMaster : IDisposable
{
    /// <summary>The id of its history.</summary>
    public const string Id = "0123456789abcdef0123456789abcdef01234567";

    private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);
    private readonly List<Socket> _replicas = [];
    private readonly Func<string, byte[]> _answer;

    /// <param name="answer">What it answers to PSYNC, with the words of that.</param>
    public FakeMaster(Func<string, byte[]> answer)
    {
        _answer = answer;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        new Thread(Run) { IsBackground = true }.Start();
    }

    /// <summary>The same answer, whatever it is asked.</summary>
    public FakeMaster(params byte[][] answer)
        : this(_ => [.. answer.SelectMany(it => it)])
    {
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>What replicas have said, one line each command.</summary>
    public string Heard
    {
        get
        {
            lock (_replicas)
            {
                return field;
            }
        }

        private set;
    } = "";

    /// <summary>The greeting before a copy as of an offset.</summary>
    public static byte[] FullResync(long offset = 100) =>
        Text(string.Create(CultureInfo.InvariantCulture, $"+FULLRESYNC {Id} {offset}\r\n"));

    /// <summary>A copy of one string, k, with its length before it.</summary>
    public static byte[] Copy(string value, int more = 0) =>
        [.. Text(string.Create(CultureInfo.InvariantCulture, $"${File(value).Length + more}\r\n")), .. File(value)];

    /// <summary>A file of dumps with one string, k, and without a checksum.</summary>
    public static byte[] File(string value) =>
        [.. "REDIS0009"u8, 0xFE, 0, 0, 1, (byte)'k', (byte)value.Length, .. Text(value), 0xFF, .. new byte[8]];

    /// <summary>A command.</summary>
    public static byte[] Command(params string[] words) => Text(string.Create(
        CultureInfo.InvariantCulture, $"*{words.Length}\r\n")
        + string.Concat(words.Select(it => string.Create(CultureInfo.InvariantCulture, $"${it.Length}\r\n{it}\r\n"))));

    public static byte[] Text(string text) => Encoding.Latin1.GetBytes(text);

    public void Dispose()
    {
        _listener.Dispose();
        lock (_replicas)
        {
            _replicas.ForEach(it => it.Dispose());
        }
    }

    private void Run()
    {
        try
        {
            while (true)
            {
                Socket replica = _listener.Accept();
                lock (_replicas)
                {
                    _replicas.Add(replica);
                }

                new Thread(() => Serve(replica)) { IsBackground = true }.Start();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private void Serve(Socket replica)
    {
        try
        {
            using StreamReader reader = new(new NetworkStream(replica), Encoding.Latin1);
            while (ReadCommand(reader) is { } command)
            {
                lock (_replicas)
                {
                    Heard += command + "\n";
                }

                byte[] answer = command switch
                {
                    "PING" => Text("+PONG\r\n"),
                    _ when command.StartsWith("PSYNC", StringComparison.Ordinal) => _answer(command),
                    _ when command.StartsWith("REPLCONF ACK", StringComparison.Ordinal) => [],
                    _ => Text("+OK\r\n"),
                };
                replica.Send(answer);
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            // The replica has gone.
        }
    }

    private static string? ReadCommand(StreamReader reader)
    {
        string? head = reader.ReadLine();
        while (head is "")
        {
            head = reader.ReadLine();
        }

        if (head is null)
        {
            return null;
        }

        List<string> words = [];
        for (int left = int.Parse(head[1..], CultureInfo.InvariantCulture); left > 0; left--)
        {
            reader.ReadLine();
            words.Add(reader.ReadLine() ?? "");
        }

        return string.Join(' ', words);
    }
}
