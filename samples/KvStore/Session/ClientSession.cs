using System.Net;
using System.Net.Sockets;
using KvStore.Access;
using KvStore.Memory;
using KvStore.Protocol;

namespace KvStore.Session;

/// <summary>What the server knows of one client. Used under the engine's gate.</summary>
internal sealed class ClientSession(long id, RespWriter reply, RequestParser parser)
{
    public long Id { get; } = id;

    public RespWriter Reply { get; } = reply;

    public RequestParser Parser { get; } = parser;

    public EndPoint? Peer { get; init; }

    public EndPoint? Local { get; init; }

    /// <summary>The path that stands for both where they are no addresses.</summary>
    public string UnixSocket { get; init; } = "";

    public string Address => Describe(Peer);

    public string LocalAddress => Describe(Local);

    public long Descriptor { get; init; }

    /// <summary>In <see cref="Environment.TickCount64"/>.</summary>
    public long Created { get; set; } = Environment.TickCount64;

    /// <summary>In <see cref="Environment.TickCount64"/>.</summary>
    public long LastActive { get; set; } = Environment.TickCount64;

    public string Name { get; set; } = "";

    public string LibraryName { get; set; } = "";

    public string LibraryVersion { get; set; } = "";

    /// <summary>Who it is, once <see cref="Authenticated"/>.</summary>
    public required AclUser User { get; set; }

    /// <summary>The number of its database.</summary>
    public int Database { get; set; }

    public bool NoEvict { get; set; }

    /// <summary>Set where the connection is to be closed once what was replied is sent.</summary>
    public bool Close { get; set; }

    /// <summary>Set where even that is not to be sent.</summary>
    public bool Drop { get; set; }

    /// <summary>Its name; null before the first.</summary>
    public string? LastCommand { get; set; }

    /// <summary>Between MULTI and EXEC.</summary>
    public TransactionQueue? Transaction { get; set; }

    /// <summary>True while EXEC runs its commands.</summary>
    public bool RunsTransaction { get; set; }

    /// <summary>Of <see cref="RespWriter.AllErrors"/>, those that are counted with a command.</summary>
    public long CountedErrors { get; set; }

    /// <summary>True where it is a script that calls.</summary>
    public bool IsOfScript { get; init; }

    public List<WatchedKey>? Watched { get; set; }

    /// <summary>What the watched keys take, roughly.</summary>
    public long WatchedBytes { get; set; }

    /// <summary>True where a watched key changed.</summary>
    public bool WatchBroken { get; set; }

    /// <summary>What it is subscribed to; null where that is nothing.</summary>
    public SubscriptionSet? Subscriptions { get; set; }

    /// <summary>True where only commands of subscribers are taken: messages and replies cannot be told apart.</summary>
    public bool IsSubscriber => Subscriptions is not null && !Reply.Resp3;

    /// <summary>The command of it that waits for keys; null where none does.</summary>
    public BlockedCommand? Blocked { get; set; }

    /// <summary>True where its next command waits for the end of a pause.</summary>
    public bool IsPostponed { get; set; }

    /// <summary>True where what it has sent does not run now.</summary>
    public bool IsBlocked => Blocked is not null || IsPostponed;

    /// <summary>Whether it is replied to.</summary>
    public ReplyMode ReplyMode { get; set; }

    /// <summary>How it hears of changes of what it read; null where it does not want to.</summary>
    public CacheTracking? Tracking { get; set; }

    /// <summary>True where more than running it is to be done about each command.</summary>
    public bool IsSpecial => ReplyMode != ReplyMode.On || Tracking is not null;

    /// <summary>True after MONITOR.</summary>
    public bool IsMonitor { get; set; }

    /// <summary>Set where its reads are not to count as uses of keys.</summary>
    public bool NoTouch { get; set; }

    /// <summary>True for a replica that is sent the history of changes, or will be.</summary>
    public bool IsReplica { get; set; }

    /// <summary>Where the history of changes ended after its last write.</summary>
    public long WrittenTo { get; set; }

    /// <summary>The way to it; null where there is no connection.</summary>
    public IClientLink? Link { get; init; }

    /// <summary>Messages to it that wait for the reply of the command that runs.</summary>
    public GrowingBuffer? Waiting { get; private set; }

    /// <summary>Bytes that it keeps of what the client sent, its unfinished request apart.</summary>
    public long KeptBytes => WatchedBytes + Parser.KeptBytes + (Transaction?.Bytes ?? 0)
        + (Subscriptions?.Bytes ?? 0) + (Blocked?.Bytes ?? 0) + (Tracking?.Bytes ?? 0)
        + (sizeof(char) * ((long)Name.Length + LibraryName.Length + LibraryVersion.Length));

    /// <summary>Bytes received and not executed yet, and the room behind them, as of the last batch.</summary>
    public int InputBytes { get; set; }

    /// <inheritdoc cref="InputBytes"/>
    public int InputRoom { get; set; }

    public bool Authenticated
    {
        get => Parser.Authenticated;
        set => Parser.Authenticated = value;
    }

    /// <summary>Sends it what it has not asked for.</summary>
    /// <param name="message">One message, whole.</param>
    /// <param name="waits">True where a command of its own runs: its reply comes first.</param>
    public void Push(ReadOnlySpan<byte> message, bool waits)
    {
        if (waits)
        {
            message.CopyTo((Waiting ??= new GrowingBuffer()).Append(message.Length));
        }
        else if (Link is { IsEnded: false })
        {
            Reply.Raw(message);
            Reply.Commit();
            Link.SendSoon();
        }
    }

    /// <summary>A command of it begins to reply; what it replies is dropped where it wants none.</summary>
    public void BeginReply()
    {
        if (ReplyMode is ReplyMode.Off or ReplyMode.Skip)
        {
            Reply.Mute();
        }
    }

    /// <summary>The command has replied.</summary>
    public void EndReply()
    {
        if (Reply.IsMuted)
        {
            Reply.Unmute();
        }

        ReplyMode = ReplyMode switch
        {
            ReplyMode.SkipNext => ReplyMode.Skip,
            ReplyMode.Skip => ReplyMode.On,
            _ => ReplyMode,
        };
    }

    /// <summary>Replies what waited.</summary>
    public void SendWaiting()
    {
        Reply.Raw(Waiting!.Span);
        Waiting.Dispose();
        Waiting = null;
    }

    private string Describe(EndPoint? end) => end switch
    {
        UnixDomainSocketEndPoint => $"{UnixSocket}:0",
        null => "",
        _ => end.ToString() ?? "",
    };
}
