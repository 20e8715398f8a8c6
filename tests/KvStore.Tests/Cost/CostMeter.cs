using System.Globalization;
using System.Net.Sockets;
using System.Text;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Cost;

/// <summary>
/// Sends requests to a server and says how much processor time its one serving thread took for each: what other work
/// the machine does shows in the caches only.
/// </summary>
internal sealed class CostMeter : IDisposable
{
    private const int Attempts = 3;

    private readonly Socket _socket;
    private readonly string _schedule;
    private readonly byte[] _received = new byte[1 << 20];
    private int _fences;

    public CostMeter(RunningServer server)
    {
        _socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true, ReceiveTimeout = 60_000, SendTimeout = 60_000,
        };
        _socket.Connect(server.Process.TcpEndPoint);
        string tasks = $"/proc/{server.Process.Id}/task";
        string serving = Directory.GetDirectories(tasks)
            .Single(it => File.ReadAllText($"{it}/comm").Trim() == "kvstore");
        _schedule = $"{serving}/schedstat";
    }

    /// <summary>
    /// What the last of some requests costs on a server that is empty before them: the least of some tries, until one
    /// is good.
    /// </summary>
    public static TimeSpan LeastOf(
        RunningServer server, IReadOnlyList<LongRequest> requests, Func<TimeSpan, bool> isGood)
    {
        TimeSpan least = TimeSpan.MaxValue;
        for (int i = 0; i < Attempts && (i == 0 || !isGood(least)); i++)
        {
            using CostMeter meter = new(server);
            meter.Send(Request(["FLUSHALL"]));
            meter.Send(Request(["MEMORY", "PURGE"]));
            foreach (LongRequest before in requests.SkipLast(1))
            {
                meter.Send(before);
            }

            TimeSpan cost = meter.Measure(requests[^1]);
            least = cost < least ? cost : least;
        }

        return least;
    }

    /// <summary>Sends a request and gives the time until all of its replies were sent.</summary>
    public TimeSpan Measure(byte[] request) => Measure(LongRequest.Whole(request));

    /// <summary>The same with a request that is made while it is sent.</summary>
    public TimeSpan Measure(LongRequest request)
    {
        Send([]); // what came before is done
        long before = ReadNanoseconds();
        Send(request);
        return TimeSpan.FromMicroseconds((ReadNanoseconds() - before) / 1000.0);
    }

    /// <summary>A request as the bytes that a client sends.</summary>
    public static byte[] Request(IReadOnlyList<string> arguments)
    {
        using var bytes = new MemoryStream();
        bytes.Write(Encoding.Latin1.GetBytes($"*{arguments.Count}\r\n"));
        foreach (string argument in arguments)
        {
            bytes.Write(Encoding.Latin1.GetBytes($"${argument.Length}\r\n{argument}\r\n"));
        }

        return bytes.ToArray();
    }

    /// <summary>Sends a request and waits until it is served, with however many replies.</summary>
    public void Send(byte[] request) => Send(LongRequest.Whole(request));

    /// <summary>The same with a request that is made while it is sent.</summary>
    public void Send(LongRequest request)
    {
        string fence = $"fence-{_fences++:D9}";
        foreach ((byte[] bytes, long length) in request.Parts)
        {
            for (long left = length; left > 0; left -= bytes.Length)
            {
                SendAll(bytes.AsSpan(0, (int)Math.Min(left, bytes.Length)));
            }
        }

        SendAll(Request(["PING", fence]));
        byte[] end = Encoding.Latin1.GetBytes($"{fence}\r\n");
        byte[] tail = [];
        while (!tail.AsSpan().EndsWith(end))
        {
            int count = _socket.Receive(_received);
            if (count == 0)
            {
                throw new IOException("The server closed the connection.");
            }

            ReadOnlySpan<byte> last = _received.AsSpan(Math.Max(0, count - end.Length), Math.Min(count, end.Length));
            tail = [.. tail.TakeLast(end.Length - last.Length), .. last];
        }
    }

    public void Dispose() => _socket.Dispose();

    private void SendAll(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    private long ReadNanoseconds() =>
        long.Parse(File.ReadAllText(_schedule).Split(' ')[0], CultureInfo.InvariantCulture);
}
