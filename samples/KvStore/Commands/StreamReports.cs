using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>XINFO: what is to be known of a stream, its groups and their consumers.</summary>
internal static class StreamReports
{
    /// <summary>Redis's blocks of entries, which it counts.</summary>
    private const long Block = 100;

    private const long DefaultCount = 10;

    private static readonly KeySpec s_key = new(2, 2, 1);

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("stream",
    [
        new("xinfo", -2, NoFlags, KeySpec.None, null)
        {
            Since = "5.0.0",
            Summary = "A container for stream introspection commands",
            Subcommands =
            [
                new("xinfo|stream", -3, ReadOnly, s_key, Stream)
                    { Since = "5.0.0", Summary = "Get information about a stream" },
                new("xinfo|groups", 3, ReadOnly, s_key, Groups)
                    { Since = "5.0.0", Summary = "List the consumer groups of a stream" },
                new("xinfo|consumers", 4, ReadOnly, s_key, Consumers)
                    { Since = "5.0.0", Summary = "List the consumers in a consumer group" },
                HelpTexts.Of("xinfo", "5.0.0"),
            ],
        },
    ]);

    public static void Stream(in Call call)
    {
        if (!TryOpen(call, out EntryStream stream) || !TryFull(call, out bool isFull, out long count))
        {
            return;
        }

        RespWriter reply = call.Reply;
        StreamFacts facts = stream.Facts;
        long blocks = (facts.Length + Block - 1) / Block;
        reply.Map(isFull ? 9 : 10);
        ReplyNumber(reply, "length"u8, facts.Length);
        ReplyNumber(reply, "radix-tree-keys"u8, blocks);
        ReplyNumber(reply, "radix-tree-nodes"u8, blocks + 1);
        ReplyId(reply, "last-generated-id"u8, facts.LastId);
        ReplyId(reply, "max-deleted-entry-id"u8, facts.LastDeleted);
        ReplyNumber(reply, "entries-added"u8, facts.Added);
        ReplyId(reply, "recorded-first-entry-id"u8, stream.First);
        if (isFull)
        {
            reply.Bulk("entries"u8);
            StreamRanges.Reply(reply, stream, new StreamRange(StreamId.Zero, StreamId.Last, count));
            ReplyFullGroups(reply, stream, count);
            return;
        }

        ReplyNumber(reply, "groups"u8, stream.Groups.Count);
        ReplyEdge(reply, "first-entry"u8, stream, 0);
        ReplyEdge(reply, "last-entry"u8, stream, facts.Length - 1);
    }

    public static void Groups(in Call call)
    {
        if (!TryOpen(call, out EntryStream stream))
        {
            return;
        }

        RespWriter reply = call.Reply;
        reply.Array(stream.Groups.Count);
        foreach (ConsumerGroup group in stream.Groups.All)
        {
            reply.Map(6);
            ReplyName(reply, group.Name);
            ReplyNumber(reply, "consumers"u8, group.ConsumerCount);
            ReplyNumber(reply, "pending"u8, group.PendingCount);
            ReplyProgress(reply, stream, group);
        }
    }

    public static void Consumers(in Call call)
    {
        if (!TryOpen(call, out EntryStream stream) || !StreamGroups.TryFind(call, stream, out ConsumerGroup group))
        {
            return;
        }

        RespWriter reply = call.Reply;
        long now = WallClock.Milliseconds;
        reply.Array(group.ConsumerCount);
        foreach (Consumer consumer in group.Consumers)
        {
            reply.Map(3);
            ReplyName(reply, consumer.Name);
            ReplyNumber(reply, "pending"u8, group.CountPendingOf(consumer));
            ReplyNumber(reply, "idle"u8, Math.Max(0, now - consumer.Seen));
        }
    }

    private static bool TryOpen(in Call call, out EntryStream stream)
    {
        stream = call.Engine.Stream;
        if (!CollectionCalls.TryRead(call, stream, call.Args[2]))
        {
            return false;
        }

        if (!stream.Exists)
        {
            call.Reply.Error(Errors.NoSuchKey);
        }

        return stream.Exists;
    }

    private static bool TryFull(in Call call, out bool isFull, out long count)
    {
        int options = call.Args.Count - 3;
        isFull = options > 0;
        count = DefaultCount;
        bool isRight = options is 0 or 1 or 3 && (!isFull || call.Args.Is(3, "full"u8))
            && (options < 3 || call.Args.Is(4, "count"u8));
        if (!isRight)
        {
            call.Reply.Error(Errors.NoSuchForm(call.Args.Shown(1), "XINFO"));
            return false;
        }

        bool isNumber = options < 3 || call.TryInteger(5, out count);
        count = count < 0 ? DefaultCount : count;
        return isNumber;
    }

    private static void ReplyFullGroups(RespWriter reply, EntryStream stream, long count)
    {
        reply.Bulk("groups"u8);
        reply.Array(stream.Groups.Count);
        foreach (ConsumerGroup group in stream.Groups.All)
        {
            Consumer[] consumers = [.. group.Consumers];
            Dictionary<long, byte[]> names = consumers.ToDictionary(it => it.Number, it => it.Name);
            reply.Map(7);
            ReplyName(reply, group.Name);
            ReplyProgress(reply, stream, group);
            ReplyNumber(reply, "pel-count"u8, group.PendingCount);
            ReplyPending(reply, group.Pending(StreamId.Zero, StreamId.Last), count, names);
            reply.Bulk("consumers"u8);
            reply.Array(consumers.Length);
            foreach (Consumer consumer in consumers)
            {
                reply.Map(4);
                ReplyName(reply, consumer.Name);
                ReplyNumber(reply, "seen-time"u8, consumer.Seen);
                ReplyNumber(reply, "pel-count"u8, group.CountPendingOf(consumer));
                ReplyPending(reply, group.PendingOf(consumer, StreamId.Zero, StreamId.Last), count, names: null);
            }
        }
    }

    private static void ReplyPending(
        RespWriter reply, IEnumerable<PendingEntry> pending, long count, Dictionary<long, byte[]>? names)
    {
        PendingEntry[] shown = [.. count > 0 ? pending.Take((int)Math.Min(count, Array.MaxLength)) : pending];
        reply.Bulk("pending"u8);
        reply.Array(shown.Length);
        foreach (PendingEntry entry in shown)
        {
            reply.Array(names is null ? 3 : 4);
            StreamArguments.ReplyId(reply, entry.Id);
            if (names is not null)
            {
                reply.Bulk(names[entry.Consumer]);
            }

            reply.Integer(entry.DeliveredAt);
            reply.Integer(entry.Deliveries);
        }
    }

    private static void ReplyProgress(RespWriter reply, EntryStream stream, ConsumerGroup group)
    {
        ReplyId(reply, "last-delivered-id"u8, group.LastId);
        ReplyNumber(
            reply, "entries-read"u8, group.EntriesRead == ConsumerGroup.Unknown ? null : group.EntriesRead);
        ReplyNumber(reply, "lag"u8, GroupProgress.Lag(stream, group));
    }

    private static void ReplyName(RespWriter reply, byte[] name)
    {
        reply.Bulk("name"u8);
        reply.Bulk(name);
    }

    private static void ReplyId(RespWriter reply, ReadOnlySpan<byte> fact, StreamId id)
    {
        reply.Bulk(fact);
        StreamArguments.ReplyId(reply, id);
    }

    private static void ReplyNumber(RespWriter reply, ReadOnlySpan<byte> fact, long? number)
    {
        reply.Bulk(fact);
        if (number is { } known)
        {
            reply.Integer(known);
        }
        else
        {
            reply.Null();
        }
    }

    private static void ReplyEdge(RespWriter reply, ReadOnlySpan<byte> fact, EntryStream stream, long index)
    {
        reply.Bulk(fact);
        if (stream.Facts.Length == 0)
        {
            reply.Null();
        }
        else
        {
            StreamRanges.TryReply(reply, stream, stream.At(index));
        }
    }
}
