using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>XACK and XPENDING: what consumers of a group have to acknowledge.</summary>
internal static class StreamPending
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("stream",
    [
        new("xack", -4, Write | Fast, KeySpec.One, XAck)
        {
            Since = "5.0.0",
            Summary = "Marks a pending message as correctly processed, effectively removing it from the pending "
                + "entries list of the consumer group. Return value of the command is the number of messages "
                + "successfully acknowledged, that is, the IDs we were actually able to resolve in the PEL.",
        },
        new("xpending", -3, ReadOnly, KeySpec.One, XPending)
        {
            Since = "5.0.0",
            Summary = "Return information and entries from a stream consumer group pending entries list, "
                + "that are messages fetched but never acknowledged.",
        },
    ]);

    public static void XAck(in Call call)
    {
        EntryStream stream = call.Engine.Stream;
        if (!CollectionCalls.TryRead(call, stream))
        {
            return;
        }

        if (!stream.Exists || stream.Groups.Find(call.Args[2]) is not { } group)
        {
            call.Reply.Integer(0);
            return;
        }

        if (!StreamArguments.TryIds(call, 3, out StreamId[] ids))
        {
            return;
        }

        int acknowledged = 0;
        StreamGroups.Change(call, stream, (in Call _) =>
        {
            foreach (StreamId id in ids)
            {
                if (group.TryGetPending(id, out PendingEntry pending))
                {
                    group.Remove(pending);
                    acknowledged++;
                }
            }
        });
        call.Engine.Statistics.Changes += acknowledged;
        call.Reply.Integer(acknowledged);
    }

    public static void XPending(in Call call)
    {
        PendingQuery query = default;
        bool isSummary = call.Args.Count == 3;
        if (!isSummary && !TryQuery(call, out query))
        {
            return;
        }

        if (!TryGroup(call, call.Engine.Stream, out ConsumerGroup group))
        {
            return;
        }

        if (isSummary)
        {
            ReplySummary(call.Reply, group);
        }
        else
        {
            ReplyEntries(call, group, query);
        }
    }

    /// <summary>The group that the argument behind the key names, or replies that it is not there.</summary>
    public static bool TryGroup(in Call call, EntryStream stream, out ConsumerGroup group)
    {
        group = null!;
        if (!CollectionCalls.TryRead(call, stream))
        {
            return false;
        }

        ConsumerGroup? found = stream.Exists ? stream.Groups.Find(call.Args[2]) : null;
        group = found!;
        if (found is null)
        {
            call.Reply.Error(
                $"NOGROUP No such key '{call.Args.Shown(1)}' or consumer group '{call.Args.Shown(2)}'");
        }

        return found is not null;
    }

    private static bool TryQuery(in Call call, out PendingQuery query)
    {
        query = default;
        int count = call.Args.Count;
        int at = 3;
        long idle = 0;
        bool hasIdle = count is >= 6 and <= 9 && call.Args.Is(3, "idle"u8);
        if (hasIdle)
        {
            if (!call.TryInteger(4, out idle))
            {
                return false;
            }

            at += 2;
        }

        if (count is < 6 or > 9 || (hasIdle && count < 8))
        {
            call.Reply.Error(Errors.Syntax);
            return false;
        }

        if (!call.TryInteger(at + 2, out long most)
            || !StreamArguments.TryStart(call, at, out StreamId from)
            || !StreamArguments.TryEnd(call, at + 1, out StreamId to))
        {
            return false;
        }

        query = new PendingQuery(from, to, Math.Max(0, most), idle, at + 3 < count ? at + 3 : 0);
        return true;
    }

    private static void ReplySummary(RespWriter reply, ConsumerGroup group)
    {
        reply.Array(4);
        reply.Integer(group.PendingCount);
        if (!group.TryGetEdge(StreamId.Zero, isLast: false, out StreamId first)
            || !group.TryGetEdge(StreamId.Zero, isLast: true, out StreamId last))
        {
            reply.Null();
            reply.Null();
            reply.NullArray();
            return;
        }

        StreamArguments.ReplyId(reply, first);
        StreamArguments.ReplyId(reply, last);
        (Consumer Consumer, long Count)[] having =
        [
            .. group.Consumers.Select(consumer => (consumer, group.CountPendingOf(consumer)))
                .Where(it => it.Item2 > 0),
        ];
        reply.Array(having.Length);
        foreach ((Consumer consumer, long count) in having)
        {
            reply.Array(2);
            reply.Bulk(consumer.Name);
            reply.BulkInteger(count);
        }
    }

    private static void ReplyEntries(in Call call, ConsumerGroup group, PendingQuery query)
    {
        IEnumerable<PendingEntry> pending = group.Pending(query.From, query.To);
        if (query.ConsumerAt > 0)
        {
            Consumer? consumer = group.FindConsumer(call.Args[query.ConsumerAt]);
            pending = consumer is null ? [] : group.PendingOf(consumer, query.From, query.To);
        }

        long now = WallClock.Milliseconds;
        PendingEntry[] found =
        [
            .. pending.Where(it => query.Idle == 0 || now - it.DeliveredAt >= query.Idle)
                .Take((int)Math.Min(query.Most, Array.MaxLength)),
        ];
        Dictionary<long, byte[]> names = group.Consumers.ToDictionary(it => it.Number, it => it.Name);
        call.Reply.Array(found.Length);
        foreach (PendingEntry entry in found)
        {
            call.Reply.Array(4);
            StreamArguments.ReplyId(call.Reply, entry.Id);
            call.Reply.Bulk(names[entry.Consumer]);
            call.Reply.Integer(Math.Max(0, now - entry.DeliveredAt));
            call.Reply.Integer(entry.Deliveries);
        }
    }

    /// <summary>What XPENDING asks for.</summary>
    /// <param name="From">The lowest id.</param>
    /// <param name="To">The highest id.</param>
    /// <param name="Most">How many entries at most.</param>
    /// <param name="Idle">For how long they have to be delivered, in milliseconds.</param>
    /// <param name="ConsumerAt">The argument that is the consumer's name; 0: all.</param>
    private readonly record struct PendingQuery(StreamId From, StreamId To, long Most, long Idle, int ConsumerAt);
}
