using GuestMemFs;
using KvStore.Memory;
using KvStore.Replication;
using KvStore.Session;
using KvStore.Transport;

namespace KvStore.Engine;

/// <summary>
/// What replicas hear: each change's effects become a record of the history in the group of the change, and go to those
/// that follow at the end of the batch. Nothing of it is done before the first replica has asked.
/// </summary>
/// <remarks>Used under the engine's gate.</remarks>
internal sealed class ChangeFeed(Keyspace keyspace, ServerOptions options) : IDisposable
{
    private readonly Dictionary<long, ReplicaLink> _known = [];
    private readonly List<ReplicaLink> _replicas = [];
    private readonly GrowingBuffer _unsent = new();
    private Backlog? _backlog;
    private bool _isLost;
    private int _resyncs;
    private long _alone = Environment.TickCount64;

    /// <summary>True where changes are recorded.</summary>
    public bool IsOn => _backlog is not null;

    /// <summary>The history; null where there is none.</summary>
    public Backlog? Backlog => _backlog;

    /// <summary>Bytes of the history.</summary>
    public long Offset => _backlog?.Offset ?? 0;

    /// <summary>What replicas do for the change that is being made.</summary>
    public Effects Effects { get; } = new();

    /// <summary>Keys that the running command has changed.</summary>
    public List<byte[]> Touched { get; } = [];

    /// <summary>Elements that the running command has taken by chance.</summary>
    public List<byte[]> Taken { get; } = [];

    /// <summary>Those that follow.</summary>
    public IReadOnlyList<ReplicaLink> Replicas => _replicas;

    /// <summary>
    /// True where keys may have expired of which replicas were not told: what a command finds absent is removed there
    /// first.
    /// </summary>
    public bool MayBeStale { get; private set; }

    /// <summary>How many replicas are sent all keys now.</summary>
    public int Resyncs => Volatile.Read(ref _resyncs);

    public long FullCount { get; set; }

    public long PartialCount { get; set; }

    public long RefusedCount { get; set; }

    /// <summary>Goes on with the history that is in the arena, where there is one.</summary>
    public void Resume()
    {
        _backlog = keyspace.OpenBacklog(out string? reason);
        if (reason is not null)
        {
            StandardError.WriteLine(
                $"replication: {reason}: a new history begins, and replicas need a full resynchronisation");
        }

        MayBeStale = _backlog is not null;
        if (_backlog is not null)
        {
            Prepare();
            Begin();
        }
    }

    /// <summary>Begins a history where there is none.</summary>
    /// <exception cref="ArenaException">There is no room for it. Nothing was changed.</exception>
    public void TurnOn()
    {
        if (_backlog is null)
        {
            Prepare();
            _backlog = keyspace.CreateBacklog(options.BacklogSize);
            Begin();
        }
    }

    /// <summary>The data is about to be another: a master's history begins, where there is none.</summary>
    /// <exception cref="ArenaException">There is no room for it.</exception>
    public void BeginAt(HistoryPosition position)
    {
        Prepare();
        _backlog = keyspace.CreateBacklog(options.BacklogSize, position);
        Begin();
    }

    /// <summary>The history ends, and nothing of it is left.</summary>
    public void GiveUp()
    {
        End();
        keyspace.DeleteBacklog();
    }

    /// <summary>The history goes on under another id: those that follow come back, and hear of it.</summary>
    public void Rename(ReplicationId id)
    {
        Send();
        CloseAll("the history has another id now");
        _backlog!.Rename(id);
        MayBeStale = true; // keys may have expired that nobody has removed
        Effects.ForgetDatabase();
    }

    /// <summary>One more replica is sent all keys.</summary>
    public void BeginResync() => Interlocked.Increment(ref _resyncs);

    /// <summary>One of them has them, or has gone. From any thread.</summary>
    public void EndResync() => Interlocked.Decrement(ref _resyncs);

    /// <summary>The group is about to be committed: its effects become a record in it.</summary>
    public void BeforeCommit()
    {
        if (Effects.Count == 0 || _backlog is null)
        {
            return;
        }

        try
        {
            _backlog.Append(Effects.Whole());
        }
        catch (ArenaOutOfSpaceException e)
        {
            // The change is made nevertheless: a client is not refused for a replica.
            _backlog.GiveUp();
            _isLost = true;
            StandardError.WriteLine($"replication: a change found no room for its record ({e.Message})");
        }
    }

    /// <summary>The group was committed.</summary>
    public void AfterCommit()
    {
        if (_isLost)
        {
            Lose("a change has no record");
        }

        if (Effects.Count > 0 && _backlog is not null)
        {
            if (_replicas.Count > 0)
            {
                ReadOnlySpan<byte> record = Effects.Whole();
                record.CopyTo(_unsent.Append(record.Length));
            }

            _backlog.Reread();
        }

        Effects.Done();
    }

    /// <summary>The group was taken back.</summary>
    public void TakeBack()
    {
        Effects.Drop();
        _backlog?.Reread();
        if (_isLost)
        {
            Lose("its record could not be taken back");
        }
    }

    /// <summary>A change goes without a record: replicas have to begin anew.</summary>
    public void Lose(string why)
    {
        if (_backlog is null)
        {
            return;
        }

        StandardError.WriteLine(
            $"replication: {why}: the history ends at {Offset}, and replicas need a full resynchronisation");
        _backlog.GiveUp();
        End();
    }

    /// <summary>What a client has said of itself as a replica; null where that is nothing.</summary>
    public ReplicaLink? Find(ClientSession session) => _known.GetValueOrDefault(session.Id);

    /// <summary>The same, which begins here where that is nothing.</summary>
    public ReplicaLink Introduce(ClientSession session)
    {
        if (!_known.TryGetValue(session.Id, out ReplicaLink? replica))
        {
            _known[session.Id] = replica = new ReplicaLink(session);
        }

        return replica;
    }

    /// <summary>A replica follows from here on, as of what was recorded so far.</summary>
    public void Add(ReplicaLink replica)
    {
        Send();
        Effects.ForgetDatabase();
        _replicas.Add(replica);
        replica.AcknowledgedAt = Environment.TickCount64;
    }

    /// <summary>A client is about to go, or is no replica any more.</summary>
    public void Remove(ClientSession session)
    {
        if (_known.Remove(session.Id, out ReplicaLink? replica))
        {
            replica.Forget();
            session.IsReplica = false;
            if (_replicas.Remove(replica) && _replicas.Count == 0)
            {
                _alone = Environment.TickCount64;
                _unsent.Dispose();
            }
        }
    }

    /// <summary>Sends what was recorded since to those that follow.</summary>
    public void Send()
    {
        if (_unsent.Length == 0)
        {
            return;
        }

        foreach (ReplicaLink replica in _replicas.ToArray())
        {
            Send(replica);
        }

        _unsent.CutTo(0);
        if (_unsent.Capacity > 1 << 20)
        {
            _unsent.Dispose();
        }
    }

    /// <summary>
    /// Once a second: closes replicas that give no sign, ends what nobody follows; true where replicas are to be sent a
    /// sign.
    /// </summary>
    /// <param name="second">Which.</param>
    /// <param name="follows">True where the history is a master's: it is kept, and signs are the master's.</param>
    public bool EverySecond(long second, bool follows)
    {
        foreach (ReplicaLink replica in _replicas.ToArray())
        {
            long since = Environment.TickCount64 - Math.Max(replica.AcknowledgedAt, replica.Session.LastActive);
            if (replica.State != ReplicaState.Loading && since > options.ReplicationTimeout * 1000L)
            {
                Close(replica, $"it gave no sign for {options.ReplicationTimeout} seconds (repl-timeout)");
            }
            else
            {
                Bound(replica);
            }
        }

        if (_replicas.Count == 0 && options.BacklogSeconds > 0 && !follows
            && Environment.TickCount64 - _alone > options.BacklogSeconds * 1000)
        {
            Console.WriteLine($"replication: no replica for {options.BacklogSeconds} seconds (repl-backlog-ttl): "
                + "the history is let go");
            End();
            keyspace.DeleteBacklog();
        }

        return _replicas.Count > 0 && !follows && second % options.ReplicaPingPeriod == 0;
    }

    /// <summary>How many replicas have the history up to an offset, as they say.</summary>
    public int CountAt(long offset) =>
        _replicas.Count(it => it.State == ReplicaState.Online && it.Acknowledged >= offset);

    /// <summary>How many replicas were heard of lately enough for min-replicas-max-lag.</summary>
    public int CountGood() => _replicas.Count(it => it.State == ReplicaState.Online
        && Environment.TickCount64 - it.AcknowledgedAt <= options.MostReplicaLag * 1000L);

    /// <summary>Ends a replica's connection, and says why.</summary>
    public static void Close(ReplicaLink replica, string why)
    {
        StandardError.WriteLine($"closing replica {replica.Session.Address}: {why}");
        replica.Session.Close = true;
        replica.Session.Link?.Abort();
    }

    public void Dispose()
    {
        _backlog?.Dispose();
        _unsent.Dispose();
        Effects.Dispose();
    }

    // None of them can be made in a group, in which each change is made from then on.
    private void Prepare()
    {
        keyspace.Databases.OpenNested();
        keyspace.Databases.PrepareSwap();
        keyspace.Functions.Open();
    }

    private void Begin()
    {
        _isLost = false;
        _alone = Environment.TickCount64;
        keyspace.Databases.KeepsNested = true;
    }

    private void CloseAll(string why)
    {
        foreach (ReplicaLink replica in _replicas.ToArray())
        {
            Close(replica, why);
        }
    }

    private void End()
    {
        CloseAll("the history that it follows has ended");
        _backlog?.Dispose();
        _backlog = null;
        _unsent.Dispose();
        keyspace.Databases.KeepsNested = false;
        Effects.Drop();
        Effects.ForgetDatabase();
    }

    private void Send(ReplicaLink replica)
    {
        if (replica.Session.Close || replica.Session.Link is not { IsEnded: false } link)
        {
            return;
        }

        if (replica.State == ReplicaState.Online)
        {
            replica.Session.Reply.Raw(_unsent.Span);
            replica.Session.Reply.Commit();
            link.SendSoon();
        }
        else if (!replica.WantsCopyOnly)
        {
            replica.Hold(_unsent.Span);
        }

        Bound(replica);
    }

    private void Bound(ReplicaLink replica)
    {
        ReplicationLimits limits = options.ReplicaLimits;
        long unread = replica.Held + replica.Session.Reply.Pending;
        bool isSlow = limits.Soft > 0 && unread > limits.Soft;
        replica.SlowSince = !isSlow ? 0 : replica.SlowSince == 0 ? Environment.TickCount64 : replica.SlowSince;
        bool isTooSlow = isSlow && Environment.TickCount64 - replica.SlowSince >= limits.SoftSeconds * 1000;
        if ((limits.Hard > 0 && unread > limits.Hard) || isTooSlow)
        {
            replica.Forget();
            Close(replica, $"it has left {unread} bytes unread, and client-output-buffer-limit is '{limits}'");
        }
    }
}
