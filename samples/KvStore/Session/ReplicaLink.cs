using KvStore.Memory;

namespace KvStore.Session;

/// <summary>How far a replica has come.</summary>
internal enum ReplicaState
{
    /// <summary>It has said something of itself, and asked for nothing.</summary>
    Introduced,

    /// <summary>It is sent a copy of all keys.</summary>
    Loading,

    /// <summary>It has all of that copy; it says when it has read it.</summary>
    Loaded,

    /// <summary>It is sent each change.</summary>
    Online,
}

/// <summary>A client that is a replica, or is about to be one. Used under the engine's gate.</summary>
internal sealed class ReplicaLink(ClientSession session)
{
    private GrowingBuffer? _held;

    public ClientSession Session { get; } = session;

    public ReplicaState State
    {
        get;
        set
        {
            field = value;
            Session.IsReplica = IsFollowing;
        }
    }

    /// <summary>True where it is sent the history of changes, or will be.</summary>
    public bool IsFollowing => State != ReplicaState.Introduced;

    /// <summary>The port at which it listens itself, as far as it says.</summary>
    public long Port { get; set; }

    /// <summary>The address that others are to know it by; empty: the one that it comes from.</summary>
    public string AnnouncedAddress { get; set; } = "";

    /// <summary>True where the end of a copy may be marked, and its length need not be known.</summary>
    public bool TakesMarkedEnd { get; set; }

    /// <summary>True where it takes another history's id with a partial resynchronisation.</summary>
    public bool TakesNewId { get; set; }

    /// <summary>True where it wants the copy of all keys and nothing behind it.</summary>
    public bool WantsCopyOnly { get; set; }

    /// <summary>Where the copy stands in the history.</summary>
    public long StartOffset { get; set; }

    /// <summary>How much of the history it has, as it says.</summary>
    public long Acknowledged { get; set; }

    /// <summary>When it said so, in <see cref="Environment.TickCount64"/>.</summary>
    public long AcknowledgedAt { get; set; }

    /// <summary>Since when it has left more unread than the soft limit; 0: it has not.</summary>
    public long SlowSince { get; set; }

    /// <summary>Bytes of the history that wait until it has read the copy.</summary>
    public long Held => _held?.Length ?? 0;

    /// <summary>Keeps a piece of the history until then.</summary>
    public void Hold(ReadOnlySpan<byte> bytes) => bytes.CopyTo((_held ??= new GrowingBuffer()).Append(bytes.Length));

    /// <summary>It is sent each change from here on; first what was kept.</summary>
    public void GoOnline()
    {
        State = ReplicaState.Online;
        AcknowledgedAt = Environment.TickCount64;
        if (_held is { Length: > 0 })
        {
            Session.Reply.Raw(_held.Span);
            Session.Reply.Commit();
        }

        Forget();
        Session.Link?.SendSoon();
    }

    /// <summary>Gives the memory back.</summary>
    public void Forget()
    {
        _held?.Dispose();
        _held = null;
    }
}
