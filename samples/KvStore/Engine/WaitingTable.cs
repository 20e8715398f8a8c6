using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Engine;

/// <summary>
/// Which clients wait for which keys, in the order in which they came. Used under the engine's gate.
/// </summary>
/// <remarks>A change of a key that clients wait for makes it ready. They are served once the command, transaction or
/// script that changed it is done.</remarks>
internal sealed class WaitingTable(KeyOnlookers onlookers)
{
    private readonly Dictionary<byte[], WaitingQueue> _queues = new(ByteKeys.Instance);
    private readonly Queue<WaitingQueue> _ready = new();
    private readonly SortedSet<(long Deadline, long Id)> _deadlines = [];
    private readonly Dictionary<long, Waiter> _waiters = [];

    /// <summary>How many clients wait.</summary>
    public int Count => _waiters.Count;

    /// <summary>True where keys are ready whose clients were not served yet.</summary>
    public bool HasReady => _ready.Count > 0;

    /// <summary>When the first client has waited for long enough; null where that is never.</summary>
    public long? NextDeadline => _deadlines.Count > 0 ? _deadlines.Min.Deadline : null;

    private Dictionary<byte[], WaitingQueue>.AlternateLookup<ReadOnlySpan<byte>> ByBytes =>
        _queues.GetAlternateLookup<ReadOnlySpan<byte>>();

    /// <summary>The client waits for keys; it is the last in the queue of each.</summary>
    /// <param name="session">The client.</param>
    /// <param name="blocked">Its command.</param>
    /// <param name="first">The first argument that is a key.</param>
    /// <param name="count">How many are.</param>
    public void Add(ClientSession session, BlockedCommand blocked, int first, int count)
    {
        session.Blocked = blocked;
        var waiter = new Waiter(session, []);
        _waiters[session.Id] = waiter;
        for (int i = first; i < first + count; i++)
        {
            ReadOnlySpan<byte> key = blocked.Arguments.Arguments[i];
            if (!ByBytes.TryGetValue(key, out WaitingQueue? queue))
            {
                byte[] kept = key.ToArray();
                _queues[kept] = queue = new WaitingQueue(kept);
            }

            // A key that is named twice has the client at its queue's end already.
            if (queue.Last?.Value != session)
            {
                waiter.Places.Add(queue.AddLast(session));
            }
        }

        blocked.KeyCount = waiter.Places.Count;

        if (blocked.Deadline != 0)
        {
            _deadlines.Add((blocked.Deadline, session.Id));
        }

        onlookers.Note(KeyOnlooker.Waiting, true);
    }

    /// <summary>The client waits no more.</summary>
    public void Remove(ClientSession session)
    {
        if (session.Blocked is not { } blocked)
        {
            return;
        }

        session.Blocked = null;
        _waiters.Remove(session.Id, out Waiter waiter);
        _deadlines.Remove((blocked.Deadline, session.Id));
        foreach (LinkedListNode<ClientSession> place in waiter.Places)
        {
            var queue = (WaitingQueue)place.List!;
            queue.Remove(place);
            if (queue.Count == 0)
            {
                _queues.Remove(queue.Key);
            }
        }

        onlookers.Note(KeyOnlooker.Waiting, _queues.Count > 0);
    }

    /// <summary>A key changed: those who wait for it are to look again.</summary>
    public void Touch(ReadOnlySpan<byte> key)
    {
        if (ByBytes.TryGetValue(key, out WaitingQueue? queue) && !queue.IsReady)
        {
            queue.IsReady = true;
            _ready.Enqueue(queue);
        }
    }

    /// <summary>The next key that is ready, with those who wait for it; in the order in which they became so.</summary>
    public bool TryTakeReady(out WaitingQueue queue)
    {
        bool any = _ready.TryDequeue(out WaitingQueue? next);
        queue = next!;
        if (any)
        {
            queue.IsReady = false;
        }

        return any;
    }

    /// <summary>A client that waits; null where none has that number.</summary>
    public ClientSession? Find(long id) => _waiters.GetValueOrDefault(id).Session;

    /// <summary>The next client whose time is over.</summary>
    public ClientSession? NextOverdue(long now) =>
        _deadlines.Count > 0 && _deadlines.Min.Deadline <= now ? _waiters[_deadlines.Min.Id].Session : null;

    /// <summary>A client, and its places in the queues of its keys.</summary>
    private readonly record struct Waiter(ClientSession Session, List<LinkedListNode<ClientSession>> Places);
}

/// <summary>Those who wait for a key.</summary>
internal sealed class WaitingQueue(byte[] key) : LinkedList<ClientSession>
{
    public byte[] Key { get; } = key;

    /// <summary>True where the key changed, and nobody looked yet.</summary>
    public bool IsReady { get; set; }
}
