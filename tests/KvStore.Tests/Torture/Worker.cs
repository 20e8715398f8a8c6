using System.Net;
using System.Net.Sockets;
using KvStore.Demo;

namespace KvStore.Tests.Torture;

/// <summary>
/// One connection under load, and what is known about its keys: the state after the last acknowledged operation, and
/// the operations that were sent after it. What to send is made before the load and what was answered is judged after
/// it, so that the server, and not the test, is the one who works.
/// </summary>
internal sealed class Worker
{
    private const int Planned = 3_000;
    private const int MuchInFlight = 1 << 20;
    private readonly Random _random;
    private readonly LoadGenerator _generator;
    private readonly Queue<Operation> _plan = new();
    private readonly Queue<(Operation Operation, long Sent)> _inFlight = new();
    private readonly List<(Operation Operation, RespReply Reply, long Sent, long Answered)> _answered = [];
    private readonly List<(Operation Operation, RespReply Reply)> _history = [];

    private readonly ServerClock _clock;
    private readonly bool _tight;

    /// <param name="connection">Whose keys.</param>
    /// <param name="seed">Which load.</param>
    /// <param name="clock">What time the server takes it to be.</param>
    /// <param name="tight">Whether the arena is too small for the load, so that <c>-OOM</c> is a right answer: then one
    /// command at a time and no transactions, since whether a command in flight found room cannot be known.</param>
    public Worker(int connection, int seed, ServerClock clock, bool tight = false)
    {
        Connection = connection;
        _clock = clock;
        _tight = tight;
        _random = new Random(seed);
        _generator = new LoadGenerator(_random, connection);
    }

    public int Connection { get; }

    /// <summary>What is acknowledged.</summary>
    public Oracle Acknowledged { get; private set; } = new();

    /// <summary>What was sent and not answered, in order.</summary>
    public IReadOnlyCollection<Operation> InFlight => [.. _inFlight.Select(i => i.Operation)];

    /// <summary>
    /// When the first of <see cref="InFlight"/> was sent, by this machine's clock; far in the future where there is
    /// none.
    /// </summary>
    public long InFlightSince => _inFlight.TryPeek(out var first) ? first.Sent : long.MaxValue;

    /// <summary>Operations acknowledged since the run's begin.</summary>
    public long Acknowledgements { get; private set; }

    /// <summary>Commands that found no room.</summary>
    public long Refusals { get; private set; }

    /// <summary>What was last done to a key since the server's start, and answered.</summary>
    public IEnumerable<string> History(string key) =>
        _history.Where(h => h.Operation.Commands.Any(c => c.Touches(key))).TakeLast(6).Select(h =>
            $"{h.Operation} -> {h.Reply}");

    /// <summary>Thinks out what to send.</summary>
    public void Plan()
    {
        while (_plan.Count < Planned)
        {
            _plan.Enqueue(Next());
        }
    }

    /// <summary>What was found after a restart is what counts from now on.</summary>
    public void Adopt(IReadOnlyDictionary<string, Entry> found)
    {
        Acknowledged = new Oracle(found);
        _inFlight.Clear();
        _history.Clear();
    }

    /// <summary>All of a database was removed.</summary>
    public void Lose(int database) => Adopt(Acknowledged.Entries
        .Where(entry => Oracle.DatabaseOf(entry.Key) != database)
        .ToDictionary(entry => entry.Key, entry => entry.Value));

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
                // Without pipelining, or with the next batches on their way while the replies to this one are.
                int batches = _tight || _random.Next(2) == 0 ? 1 : _random.Next(2, 9);
                for (int i = 0; i < batches; i++)
                {
                    Send(client, batches == 1 ? 1 : _random.Next(2, 65));
                }

                while (_inFlight.Count > 0)
                {
                    Receive(client);
                }
            }
        }
        catch (Exception e) when (e is SocketException { SocketErrorCode: not SocketError.TimedOut }
            or EndOfStreamException)
        {
            // The server is gone, as this test wants it: what is in flight stays so.
        }
    }

    /// <summary>
    /// Judges what was answered under load. Throws <see cref="TortureException"/> at a reply that Redis would not give.
    /// </summary>
    public void JudgeReplies()
    {
        foreach ((Operation operation, RespReply got, long sent, long answered) in _answered)
        {
            Acknowledgements++;
            _history.Add((operation, got));
            if (_tight && IsRefusal(operation, got))
            {
                Refusals++;
                continue;
            }

            RespReply expected = operation.ExecuteOn(Acknowledged, _clock.Between(sent, answered));
            if (!Replies.Same(expected, got))
            {
                throw new TortureException($"To {operation} the answer should be {expected}, and was {got}.");
            }
        }

        _answered.Clear();
    }

    // What deletes must always find room.
    private static bool IsRefusal(Operation operation, RespReply reply) =>
        reply.IsError && reply.Text.StartsWith("OOM ", StringComparison.Ordinal)
            && operation.Commands[0].Name is not ("DEL" or "UNLINK" or "GETDEL");

    private Operation Next()
    {
        Operation operation;
        do
        {
            operation = _generator.Next();
        }
        while (_tight && operation.IsTransaction);
        return operation;
    }

    private void Send(RespClient client, int operations)
    {
        long sent = Instant.Now;
        for (int length = 0; operations > 0 && length < MuchInFlight; operations--)
        {
            Operation operation = _plan.TryDequeue(out Operation? planned) ? planned : Next();
            length += operation.Length;
            operation.AddTo(client);
            _inFlight.Enqueue((operation, sent));
        }

        client.Flush();
    }

    private void Receive(RespClient client)
    {
        (Operation operation, long sent) = _inFlight.Peek();
        RespReply reply = operation.ReadReply(client);
        _answered.Add((operation, reply, sent, Instant.Now));
        _inFlight.Dequeue();
    }
}
