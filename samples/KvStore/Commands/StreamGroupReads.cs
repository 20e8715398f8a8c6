using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Session;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>XREADGROUP: entries that no consumer of a group has got, or those that one has to acknowledge.</summary>
internal static class StreamGroupReads
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("stream",
    [
        new("xreadgroup", -7, Write | CommandFlags.Blocking, KeySpec.BehindStreams, XReadGroup)
        {
            KeyAccess = KeyAccess.Read,
            Since = "5.0.0",
            Summary = "Return new entries from a stream using a consumer group, or access the history of the pending "
                + "entries for a given consumer. Can block.",
        },
    ]);

    public static void XReadGroup(in Call call)
    {
        if (!ReadArguments.TryRead(call, out ReadArguments read)
            || !StreamGroups.IsShort(call, read.GroupAt) || !StreamGroups.IsShort(call, read.GroupAt + 1))
        {
            return;
        }

        if (call.Session.Blocked?.ReadyKey is { } ready)
        {
            ServeReady(call, read, ready);
            return;
        }

        var after = new StreamId?[read.KeyCount];
        for (int i = 0; i < after.Length; i++)
        {
            if (!TryAfter(call, read, i, out after[i]))
            {
                return;
            }
        }

        List<Delivery> deliveries = Deliver(call, read, after);
        if (deliveries.Count > 0)
        {
            call.Engine.Statistics.Changes += deliveries.Count;
            Reply(call, deliveries);
        }
        else if (!read.Blocks || call.Session.RunsTransaction)
        {
            call.Reply.NullArray();
        }
        else
        {
            var blocked = new BlockedCommand(new KeptArguments(call.Args), RecordType.Stream, read.Deadline)
                { NeedsKey = true };
            Blocking.Wait(call, blocked, read.FirstKey, read.KeyCount);
        }
    }

    /// <summary>Reads from where on a stream is asked for; null for what nobody has got. Or replies what is
    /// wrong.</summary>
    private static bool TryAfter(in Call call, ReadArguments read, int index, out StreamId? after)
    {
        after = null;
        ReadOnlySpan<byte> key = call.Args[read.FirstKey + index];
        EntryStream stream = call.Engine.Stream;
        if (!CollectionCalls.TryRead(call, stream, key))
        {
            return false;
        }

        if (!stream.Exists || stream.Groups.Find(call.Args[read.GroupAt]) is null)
        {
            call.Reply.Error($"NOGROUP No such key '{call.Args.Shown(read.FirstKey + index)}' or consumer group "
                + $"'{call.Args.Shown(read.GroupAt)}' in XREADGROUP with GROUP option");
            return false;
        }

        ReadOnlySpan<byte> id = call.Args[read.IdAt(index)];
        if (id.SequenceEqual("$"u8))
        {
            call.Reply.Error("ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history "u8
                + "of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would "u8
                + "just return an empty result set."u8);
            return false;
        }

        bool isNew = id.SequenceEqual(">"u8);
        StreamId from = StreamId.Zero;
        bool isRight = isNew || StreamArguments.TryId(call, read.IdAt(index), out from);
        // Redis takes the last id of all for what nobody has got.
        after = isNew || from == StreamId.Last ? null : from;
        return isRight;
    }

    /// <summary>Gives the consumer what is there, in one step over a crash.</summary>
    private static List<Delivery> Deliver(in Call call, ReadArguments read, StreamId?[] after)
    {
        List<Delivery> deliveries = [];
        AtomicScope atomic = call.Engine.BeginAtomic(StreamGroups.FewChanges);
        try
        {
            for (int i = 0; i < after.Length; i++)
            {
                if (TryDeliver(call, read, read.FirstKey + i, after[i], read.Most) is { } delivery)
                {
                    deliveries.Add(delivery);
                }
            }

            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }

        return deliveries;
    }

    /// <summary>The same of one stream; null where nothing of it is asked for.</summary>
    private static Delivery? TryDeliver(in Call call, ReadArguments read, int key, StreamId? after, long most)
    {
        EntryStream stream = call.Engine.Stream;
        stream.TryOpen(call.Args[key]);
        ConsumerGroup group = stream.Groups.Find(call.Args[read.GroupAt])!;
        StreamFacts facts = stream.Facts;
        if (after is null && (facts.Length == 0 || stream.At(facts.Length - 1) <= group.LastId))
        {
            return null; // as in Redis, a consumer that gets nothing is not made
        }

        Consumer consumer = StreamGroups.See(call, stream, group, call.Args[read.GroupAt + 1], call.Args[key]);
        return new Delivery(key, after is { } from
            ? History(call, key, group, consumer, from, most)
            : News(call, key, group, consumer, read.NoAcknowledgement, most));
    }

    private static List<StreamId> News(
        in Call call, int key, ConsumerGroup group, Consumer consumer, bool noAcknowledgement, long most)
    {
        EntryStream stream = call.Engine.Stream;
        List<StreamId> ids = [];
        if (!group.LastId.TryNext(out StreamId from))
        {
            return ids;
        }

        long now = WallClock.TimeOfDay.ToUnixTimeMilliseconds();
        StreamCursor entries = stream.Range(from, StreamId.Last, descends: false);
        while ((most == 0 || ids.Count < most) && entries.MoveNext())
        {
            ids.Add(entries.Id);
            GroupProgress.Advance(stream, group, entries.Id);
            if (!noAcknowledgement)
            {
                PendingEntry pending = new(entries.Id, consumer.Number, now, 1);
                group.Put(pending);
                StreamEffects.Delivered(call, call.Args[key], group, consumer, pending);
            }
        }

        StreamEffects.Advanced(call, call.Args[key], group);

        stream.Groups.Store(group);
        return ids;
    }

    private static List<StreamId> History(
        in Call call, int key, ConsumerGroup group, Consumer consumer, StreamId after, long most)
    {
        EntryStream stream = call.Engine.Stream;
        List<StreamId> ids = [];
        if (!after.TryNext(out StreamId from))
        {
            return ids;
        }

        long now = WallClock.TimeOfDay.ToUnixTimeMilliseconds();
        foreach (PendingEntry pending in group.PendingOf(consumer, from, StreamId.Last))
        {
            if (most > 0 && ids.Count == most)
            {
                break;
            }

            ids.Add(pending.Id);
            if (stream.Contains(pending.Id))
            {
                PendingEntry again = pending with { DeliveredAt = now, Deliveries = pending.Deliveries + 1 };
                group.Put(again);
                StreamEffects.Delivered(call, call.Args[key], group, consumer, again);
            }
        }

        return ids;
    }

    private static void Reply(in Call call, List<Delivery> deliveries)
    {
        StreamReads.ReplyStreams(call.Reply, deliveries.Count);
        foreach (Delivery delivery in deliveries)
        {
            EntryStream stream = call.Engine.Stream;
            stream.TryOpen(call.Args[delivery.Key]);
            StreamReads.ReplyStream(call.Reply, call.Args[delivery.Key]);
            call.Reply.Array(delivery.Ids.Count);
            foreach (StreamId id in delivery.Ids)
            {
                if (!StreamRanges.TryReply(call.Reply, stream, id))
                {
                    // It is to be acknowledged, and was removed meanwhile.
                    call.Reply.Array(2);
                    StreamArguments.ReplyId(call.Reply, id);
                    call.Reply.NullArray();
                }
            }
        }
    }

    /// <summary>A key that the client waits for changed, or is gone, or is something else now.</summary>
    private static void ServeReady(in Call call, ReadArguments read, byte[] ready)
    {
        EntryStream stream = call.Engine.Stream;
        if (!stream.TryOpen(ready) || !stream.Exists)
        {
            call.Reply.Error("UNBLOCKED the stream key no longer exists"u8);
            return;
        }

        if (stream.Groups.Find(call.Args[read.GroupAt]) is not { } group)
        {
            call.Reply.Error("NOGROUP the consumer group this client was blocked on no longer exists"u8);
            return;
        }

        if (stream.Facts.LastId <= group.LastId)
        {
            return;
        }

        int key = read.FirstKey;
        while (!call.Args[key].SequenceEqual(ready))
        {
            key++;
        }

        AtomicScope atomic = call.Engine.BeginAtomic(StreamGroups.FewChanges);
        Delivery delivery;
        try
        {
            // What came may be gone again: then the reply has no entries.
            delivery = TryDeliver(call, read, key, null, read.MostAfterWait) ?? new Delivery(key, []);
            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }

        Reply(call, [delivery]);
    }

    /// <summary>Entries of a stream that a consumer gets.</summary>
    /// <param name="Key">The argument that is the stream's key.</param>
    /// <param name="Ids">Their ids.</param>
    private sealed record Delivery(int Key, List<StreamId> Ids);
}
