using KvStore.Memory;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Engine;

/// <summary>Who is subscribed to what, and the way of a message to them. Used under the engine's gate.</summary>
/// <remarks>A message is encoded once and copied to each of its receivers. It leaves at the end of the loop's round, as
/// replies do, and counts to the same limits.</remarks>
internal sealed class PubSub
{
    /// <summary>A longer message is put together in pages, which go back at once.</summary>
    private const int LargestSmall = 16 * 1024;

    private readonly Dictionary<byte[], HashSet<ClientSession>>[] _subscribers =
        [new(ByteKeys.Instance), new(ByteKeys.Instance), new(ByteKeys.Instance)];

    private readonly byte[] _small = new byte[LargestSmall];

    /// <summary>Whose batch runs: what is sent to this one waits until its command has replied.</summary>
    public ClientSession? Current { get; set; }

    /// <summary>True where anybody is subscribed to a channel or a pattern.</summary>
    public bool Any => _subscribers[(int)ChannelKind.Channel].Count + _subscribers[(int)ChannelKind.Pattern].Count > 0;

    public int PatternCount => _subscribers[(int)ChannelKind.Pattern].Count;

    /// <summary>The channels that have subscribers.</summary>
    public IReadOnlyCollection<byte[]> Channels(ChannelKind kind) => _subscribers[(int)kind].Keys;

    public int SubscriberCount(ChannelKind kind, ReadOnlySpan<byte> channel) =>
        Find(kind, channel) is { } sessions ? sessions.Count : 0;

    public void Subscribe(ClientSession session, ChannelKind kind, ReadOnlySpan<byte> name)
    {
        byte[] kept = name.ToArray();
        session.Subscriptions ??= new SubscriptionSet();
        if (!session.Subscriptions.Add(kind, kept))
        {
            return;
        }

        if (Find(kind, name) is not { } sessions)
        {
            _subscribers[(int)kind][kept] = sessions = [];
        }

        sessions.Add(session);
    }

    public void Unsubscribe(ClientSession session, ChannelKind kind, ReadOnlySpan<byte> name)
    {
        if (session.Subscriptions is { } own && own.Remove(kind, name))
        {
            Forget(session, kind, name);
            session.Subscriptions = own.Total == 0 ? null : own;
        }
    }

    /// <summary>The session is subscribed to nothing any more.</summary>
    public void Remove(ClientSession session)
    {
        foreach (ChannelKind kind in Enum.GetValues<ChannelKind>())
        {
            foreach (byte[] name in session.Subscriptions?.Names(kind) ?? [])
            {
                Forget(session, kind, name);
            }
        }

        session.Subscriptions = null;
    }

    /// <summary>Sends a message to all who are subscribed; how many receive it.</summary>
    public long Publish(ChannelKind kind, ReadOnlySpan<byte> channel, ReadOnlySpan<byte> payload)
    {
        long receivers = 0;
        if (Find(kind, channel) is { } sessions)
        {
            Send(sessions, kind == ChannelKind.Shard ? "smessage"u8 : "message"u8, null, channel, payload);
            receivers += sessions.Count;
        }

        if (kind == ChannelKind.Channel)
        {
            foreach ((byte[] pattern, HashSet<ClientSession> fitting) in _subscribers[(int)ChannelKind.Pattern])
            {
                if (Glob.IsMatch(pattern, channel))
                {
                    Send(fitting, "pmessage"u8, pattern, channel, payload);
                    receivers += fitting.Count;
                }
            }
        }

        return receivers;
    }

    private HashSet<ClientSession>? Find(ChannelKind kind, ReadOnlySpan<byte> name) =>
        _subscribers[(int)kind].GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out var sessions)
            ? sessions : null;

    private void Forget(ClientSession session, ChannelKind kind, ReadOnlySpan<byte> name)
    {
        if (Find(kind, name) is { } sessions && sessions.Remove(session) && sessions.Count == 0)
        {
            _subscribers[(int)kind].GetAlternateLookup<ReadOnlySpan<byte>>().Remove(name);
        }
    }

    private void Send(
        HashSet<ClientSession> to,
        ReadOnlySpan<byte> what, byte[]? pattern, ReadOnlySpan<byte> channel, ReadOnlySpan<byte> payload)
    {
        int texts = what.Length + (pattern?.Length ?? 0) + channel.Length + payload.Length;
        int most = texts + (5 * RespWriter.HeaderLength);
        using GrowingBuffer? large = most > _small.Length ? new GrowingBuffer() : null;
        Span<byte> message = large is null ? _small : large.Append(most);
        (pattern is null ? "*3\r\n"u8 : "*4\r\n"u8).CopyTo(message);
        int length = 4;
        Add(message, ref length, what);
        if (pattern is not null)
        {
            Add(message, ref length, pattern);
        }

        Add(message, ref length, channel);
        Add(message, ref length, payload);
        foreach (ClientSession session in to)
        {
            message[0] = session.Reply.Resp3 ? (byte)'>' : (byte)'*'; // all that the protocols differ in
            session.Push(message[..length], waits: session == Current);
        }
    }

    private static void Add(Span<byte> message, ref int length, ReadOnlySpan<byte> text)
    {
        message[length++] = (byte)'$';
        length += Numbers.Format(text.Length, message[length..]);
        "\r\n"u8.CopyTo(message[length..]);
        text.CopyTo(message[(length + 2)..]);
        length += text.Length + 2;
        "\r\n"u8.CopyTo(message[length..]);
        length += 2;
    }
}
