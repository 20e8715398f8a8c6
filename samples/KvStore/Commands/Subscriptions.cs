using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Session;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>SUBSCRIBE, PUBLISH, PUBSUB and their like.</summary>
/// <remarks>A message is nowhere but on its way: no restart brings it back.</remarks>
internal static class Subscriptions
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("pubsub",
    [
        new("subscribe", -2, OfSubscribers | NoScript, KeySpec.None, Subscribe)
        {
            Channels = ChannelArguments.Every,
            Since = "2.0.0",
            Summary = "Listen for messages published to the given channels",
        },
        new("unsubscribe", -1, OfSubscribers | NoScript, KeySpec.None, Unsubscribe)
            { Since = "2.0.0", Summary = "Stop listening for messages posted to the given channels" },
        new("psubscribe", -2, OfSubscribers | NoScript, KeySpec.None, PSubscribe)
        {
            Channels = ChannelArguments.Patterns,
            Since = "2.0.0",
            Summary = "Listen for messages published to channels matching the given patterns",
        },
        new("punsubscribe", -1, OfSubscribers | NoScript, KeySpec.None, PUnsubscribe)
        {
            Since = "2.0.0",
            Summary = "Stop listening for messages posted to channels matching the given patterns",
        },
        new("ssubscribe", -2, OfSubscribers | NoScript, KeySpec.None, SSubscribe)
        {
            Channels = ChannelArguments.Every,
            Since = "7.0.0",
            Summary = "Listen for messages published to the given shard channels",
        },
        new("sunsubscribe", -1, OfSubscribers | NoScript, KeySpec.None, SUnsubscribe)
            { Since = "7.0.0", Summary = "Stop listening for messages posted to the given shard channels" },
        new("publish", 3, Fast, KeySpec.None, Publish)
        {
            Channels = ChannelArguments.First,
            Since = "2.0.0",
            Summary = "Post a message to a channel",
        },
        new("spublish", 3, Fast, KeySpec.None, SPublish)
        {
            Channels = ChannelArguments.First,
            Since = "7.0.0",
            Summary = "Post a message to a shard channel",
        },
        new("pubsub", -2, NoFlags, KeySpec.None, null)
        {
            Since = "2.8.0",
            Summary = "A container for Pub/Sub commands",
            Subcommands =
            [
                HelpTexts.Of("pubsub", "6.2.0"),
                new("pubsub|channels", -2, NoFlags, KeySpec.None, Channels)
                    { Since = "2.8.0", Summary = "List active channels" },
                new("pubsub|numpat", 2, NoFlags, KeySpec.None, NumPat)
                    { Since = "2.8.0", Summary = "Get the count of unique patterns pattern subscriptions" },
                new("pubsub|numsub", -2, NoFlags, KeySpec.None, NumSub)
                    { Since = "2.8.0", Summary = "Get the count of subscribers for channels" },
                new("pubsub|shardchannels", -2, NoFlags, KeySpec.None, ShardChannels)
                    { Since = "7.0.0", Summary = "List active shard channels" },
                new("pubsub|shardnumsub", -2, NoFlags, KeySpec.None, ShardNumSub)
                    { Since = "7.0.0", Summary = "Get the count of subscribers for shard channels" },
            ],
        },
    ]);

    public static void Subscribe(in Call call) => Add(call, ChannelKind.Channel, "subscribe"u8);

    public static void PSubscribe(in Call call) => Add(call, ChannelKind.Pattern, "psubscribe"u8);

    public static void SSubscribe(in Call call)
    {
        if (call.Session.RunsTransaction)
        {
            call.Reply.Error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"u8);
            return;
        }

        Add(call, ChannelKind.Shard, "ssubscribe"u8);
    }

    public static void Unsubscribe(in Call call) => Remove(call, ChannelKind.Channel, "unsubscribe"u8);

    public static void PUnsubscribe(in Call call) => Remove(call, ChannelKind.Pattern, "punsubscribe"u8);

    public static void SUnsubscribe(in Call call) => Remove(call, ChannelKind.Shard, "sunsubscribe"u8);

    public static void Publish(in Call call) => Publish(call, ChannelKind.Channel);

    public static void SPublish(in Call call) => Publish(call, ChannelKind.Shard);

    public static void Channels(in Call call) => ReplyChannels(call, ChannelKind.Channel);

    public static void ShardChannels(in Call call) => ReplyChannels(call, ChannelKind.Shard);

    public static void NumPat(in Call call) => call.Reply.Integer(call.Engine.PubSub.PatternCount);

    public static void NumSub(in Call call) => ReplyCounts(call, ChannelKind.Channel);

    public static void ShardNumSub(in Call call) => ReplyCounts(call, ChannelKind.Shard);

    private static void Publish(in Call call, ChannelKind kind)
    {
        call.Reply.Integer(call.Engine.PubSub.Publish(kind, call.Args[1], call.Args[2]));
        if (!call.Engine.Replicates)
        {
            return;
        }

        AtomicScope atomic = call.Engine.BeginRecorded(); // subscribers of replicas hear it too
        try
        {
            call.Engine.Feed.Effects.Verbatim(call.Engine.Databases.Selected.Number, call.Args);
            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }
    }

    /// <summary>Ends the connections that are subscribed to what their users may not listen to any more.</summary>
    public static void EndForbidden(in Call call)
    {
        ClientSession self = call.Session;
        call.Engine.Server.Disconnect(session =>
        {
            bool ends = !MayKeep(session);
            self.Close |= ends && session == self;
            return ends && session != self;
        });
    }

    private static bool MayKeep(ClientSession session)
    {
        if (session.Subscriptions is not { } own || session.User.Selectors.Exists(selector => selector.AllChannels))
        {
            return true;
        }

        foreach (ChannelKind kind in Enum.GetValues<ChannelKind>())
        {
            foreach (byte[] name in own.Names(kind))
            {
                if (!session.User.Selectors.Exists(it => it.AllowsChannel(name, kind == ChannelKind.Pattern)))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static void Add(in Call call, ChannelKind kind, ReadOnlySpan<byte> what)
    {
        for (int i = 1; i < call.Args.Count; i++)
        {
            call.Engine.PubSub.Subscribe(call.Session, kind, call.Args[i]);
            Acknowledge(call, kind, what, call.Args[i]);
        }
    }

    private static void Remove(in Call call, ChannelKind kind, ReadOnlySpan<byte> what)
    {
        for (int i = 1; i < call.Args.Count; i++)
        {
            call.Engine.PubSub.Unsubscribe(call.Session, kind, call.Args[i]);
            Acknowledge(call, kind, what, call.Args[i]);
        }

        if (call.Args.Count > 1)
        {
            return;
        }

        byte[][] all = [.. call.Session.Subscriptions?.Names(kind) ?? []];
        foreach (byte[] name in all)
        {
            call.Engine.PubSub.Unsubscribe(call.Session, kind, name);
            Acknowledge(call, kind, what, name);
        }

        if (all.Length == 0)
        {
            bool isMuted = BeginPush(call);
            call.Reply.Push(3);
            call.Reply.Bulk(what);
            call.Reply.Null();
            call.Reply.Integer(call.Session.Subscriptions?.Counted(kind) ?? 0);
            EndPush(call, isMuted);
        }
    }

    private static void Acknowledge(in Call call, ChannelKind kind, ReadOnlySpan<byte> what, ReadOnlySpan<byte> name)
    {
        bool isMuted = BeginPush(call);
        call.Reply.Push(3);
        call.Reply.Bulk(what);
        call.Reply.Bulk(name);
        call.Reply.Integer(call.Session.Subscriptions?.Counted(kind) ?? 0);
        EndPush(call, isMuted);
    }

    /// <summary>As in Redis, CLIENT REPLY OFF keeps back replies and not messages, of which this is one.</summary>
    private static bool BeginPush(in Call call)
    {
        bool isMuted = call.Reply.IsMuted;
        if (isMuted)
        {
            call.Reply.Unmute();
        }

        return isMuted;
    }

    private static void EndPush(in Call call, bool isMuted)
    {
        if (isMuted)
        {
            call.Reply.Mute();
        }
    }

    private static void ReplyChannels(in Call call, ChannelKind kind)
    {
        if (call.Args.Count > 3)
        {
            call.Reply.Error("ERR unknown subcommand or wrong number of arguments for "
                + $"'{call.Args.Shown(1)}'. Try PUBSUB HELP.");
            return;
        }

        List<byte[]> channels = [];
        foreach (byte[] channel in call.Engine.PubSub.Channels(kind))
        {
            if (call.Args.Count == 2 || Glob.IsMatch(call.Args[2], channel))
            {
                channels.Add(channel);
            }
        }

        call.Reply.Array(channels.Count);
        foreach (byte[] channel in channels)
        {
            call.Reply.Bulk(channel);
        }
    }

    private static void ReplyCounts(in Call call, ChannelKind kind)
    {
        call.Reply.Array(2L * (call.Args.Count - 2));
        for (int i = 2; i < call.Args.Count; i++)
        {
            call.Reply.Bulk(call.Args[i]);
            call.Reply.Integer(call.Engine.PubSub.SubscriberCount(kind, call.Args[i]));
        }
    }
}
