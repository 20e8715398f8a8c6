using System.Net;
using System.Net.Sockets;
using KvStore.Demo;

namespace KvStore.Tests.Torture;

/// <summary>
/// One connection under load, and what is known about its keys: the state after the last acknowledged operation, and the operations that were
/// sent after it. A reply that Redis would not give fails at once.
/// </summary>
internal sealed class Worker
{
    private const int MuchInFlight = 1 << 20;
    private readonly Random _random;
    private readonly LoadGenerator _generator;
    private readonly Queue<Operation> _inFlight = new();
    private long _batchSent;

    public Worker(int connection, int seed)
    {
        Connection = connection;
        _random = new Random(seed);
        _generator = new LoadGenerator(_random, connection);
    }

    public int Connection { get; }

    /// <summary>What is acknowledged.</summary>
    public Oracle Acknowledged { get; private set; } = new();

    /// <summary>What was sent and not answered, in order.</summary>
    public IReadOnlyCollection<Operation> InFlight => _inFlight;

    /// <summary>When the first of <see cref="InFlight"/> was sent at the earliest.</summary>
    public long InFlightSince => _batchSent;

    /// <summary>Operations acknowledged since the run's begin.</summary>
    public long Acknowledgements { get; private set; }

    /// <summary>What was found after a restart is what counts from now on.</summary>
    public void Adopt(IReadOnlyDictionary<string, Entry> found)
    {
        Acknowledged = new Oracle(found);
        _inFlight.Clear();
    }

    /// <summary>Loads the server until it is gone or <paramref name="stop"/> is set.</summary>
    public void Run(EndPoint endPoint, CancellationToken stop)
    {
        try
        {
            using var client = RespClient.Connect(endPoint);
            if (_random.Next(2) == 0)
            {
                client.Call("HELLO", "3");
            }

            while (!stop.IsCancellationRequested)
            {
                Batch(client, _random.Next(2) == 0 ? 1 : _random.Next(2, 65));
            }
        }
        catch (Exception e) when (e is SocketException { SocketErrorCode: not SocketError.TimedOut } or EndOfStreamException)
        {
            // The server is gone, as this test wants it: what is in flight stays so.
        }
    }

    private void Batch(RespClient client, int operations)
    {
        for (int length = 0; operations > 0 && length < MuchInFlight; operations--)
        {
            Operation operation = _generator.Next();
            length += operation.Length;
            operation.AddTo(client);
            _inFlight.Enqueue(operation);
        }

        _batchSent = Instant.Now;
        client.Flush();
        while (_inFlight.TryPeek(out Operation? operation))
        {
            RespReply got = operation.ReadReply(client);
            RespReply expected = operation.ExecuteOn(Acknowledged, new Instant(_batchSent, Instant.Now));
            _inFlight.Dequeue();
            Acknowledgements++;
            if (!Replies.Same(expected, got))
            {
                throw new TortureException($"To {operation} the answer should be {expected}, and was {got}.");
            }
        }
    }
}
