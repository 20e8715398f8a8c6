using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Engine;

/// <summary>
/// Which clients wait for which keys, in the order in which they came. Used under the engine's gate.
/// </summary>
/// <remarks>A change of a key that clients wait for makes it ready. They are served once the command, transaction or
/// script that changed it is done.</remarks>
internal sealed class WaitingTable(KeyOnlookers onlookers, Databases databases)
{
    // One for each database's number.
    private readonly Dictionary<byte[], WaitingQueue>?[] _queues =
        new Dictionary<byte[], WaitingQueue>?[Databases.Most];

    private readonly Queue<WaitingQueue> _ready = new();
    private readonly SortedSet<(long Deadline, long Id)> _deadlines = [];
    private readonly Dictionary<long, Waiter> _waiters = [];
    private long _added;

    /// <summary>How many clients wait.</summary>
    public int Count => _waiters.Count;

    /// <summary>True where keys are ready whose clients were not served yet.</summary>
    public bool HasReady => _ready.Count > 0;

    /// <summary>When the first client has waited for long enough; null where that is never.</summary>
    public long? NextDeadline => _deadlines.Count > 0 ? _deadlines.Min.Deadline : null;

    /// <summary>The client waits for keys of its database; it is the last in the queue of each.</summary>
    /// <param name="session">The client.</param>
    /// <param name="blocked">Its command.</param>
    /// <param name="first">The first argument that is a key.</param>
    /// <param name="count">How many are.</param>
    public void Add(ClientSession session, BlockedCommand blocked, int first, int count)
    {
        session.Blocked = blocked;
        var waiter = new Waiter(session, []);
        _waiters[session.Id] = waiter;
        Dictionary<byte[], WaitingQueue> queues = _queues[session.Database] ??= new(ByteKeys.Instance);
        for (int i = first; i < first + count; i++)
        {
            ReadOnlySpan<byte> key = blocked.Arguments.Arguments[i];
            if (!queues.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out WaitingQueue? queue))
            {
                byte[] kept = key.ToArray();
                queues[kept] = queue = new WaitingQueue(session.Database, kept);
            }

            // A key that is named twice has the client at its queue's end already.
            if (queue.Last?.Value != session)
            {
                waiter.Places.Add(queue.AddLast(session));
            }
        }

        (blocked.FirstKey, blocked.KeyArguments, blocked.Order) = (first, count, ++_added);
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
                _queues[queue.Database]!.Remove(queue.Key);
            }
        }

        onlookers.Note(KeyOnlooker.Waiting, _waiters.Count > 0);
    }

    /// <summary>A key of the selected database changed: those who wait for it are to look again.</summary>
    public void Touch(ReadOnlySpan<byte> key)
    {
        if (_queues[databases.Selected.Number] is { } queues
            && queues.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out WaitingQueue? queue))
        {
            Touch(queue);
        }
    }

    /// <summary>A number names another database now: all who wait in it are to look.</summary>
    public void TouchAll(int database)
    {
        foreach (WaitingQueue queue in _queues[database]?.Values ?? Enumerable.Empty<WaitingQueue>())
        {
            Touch(queue);
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

    /// <summary>All that wait.</summary>
    public IReadOnlyList<ClientSession> All => [.. _waiters.Values.Select(it => it.Session)];

    /// <summary>Those that wait for replicas.</summary>
    public IReadOnlyList<ClientSession> ForReplicas() => _waiters.Count == 0 ? []
        : [.. _waiters.Values.Select(it => it.Session).Where(it => it.Blocked is { Replicas: > 0 })];

    /// <summary>The next client whose time is over.</summary>
    public ClientSession? NextOverdue(long now) =>
        _deadlines.Count > 0 && _deadlines.Min.Deadline <= now ? _waiters[_deadlines.Min.Id].Session : null;

    private void Touch(WaitingQueue queue)
    {
        if (!queue.IsReady)
        {
            queue.IsReady = true;
            _ready.Enqueue(queue);
        }
    }

    /// <summary>A client, and its places in the queues of its keys.</summary>
    private readonly record struct Waiter(ClientSession Session, List<LinkedListNode<ClientSession>> Places);
}

/// <summary>Those who wait for a key of a database.</summary>
internal sealed class WaitingQueue(int database, byte[] key) : LinkedList<ClientSession>
{
    public int Database { get; } = database;

    public byte[] Key { get; } = key;

    /// <summary>True where the key changed, and nobody looked yet.</summary>
    public bool IsReady { get; set; }
}
