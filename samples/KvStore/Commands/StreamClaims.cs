using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>XCLAIM and XAUTOCLAIM: a consumer takes over what another one has not acknowledged.</summary>
internal static class StreamClaims
{
    /// <summary>XAUTOCLAIM looks at so many entries for each that it may claim.</summary>
    private const long LooksPerClaim = 10;

    private const long MostClaims = long.MaxValue / 16;

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("stream",
    [
        new("xclaim", -6, Write | Fast, KeySpec.One, XClaim)
        {
            Since = "5.0.0",
            Summary = "Changes (or acquires) ownership of a message in a consumer group, "
                + "as if the message was delivered to the specified consumer.",
        },
        new("xautoclaim", -6, Write | Fast, KeySpec.One, XAutoClaim)
        {
            Since = "6.2.0",
            Summary = "Changes (or acquires) ownership of messages in a consumer group, "
                + "as if the messages were delivered to the specified consumer.",
        },
    ]);

    public static void XClaim(in Call call)
    {
        EntryStream stream = call.Engine.Stream;
        if (!StreamPending.TryGroup(call, stream, out ConsumerGroup group)
            || !ClaimArguments.TryRead(call, out ClaimArguments claim) || !StreamGroups.IsShort(call, 3))
        {
            return;
        }

        List<StreamId> claimed = [];
        StreamGroups.Change(call, stream, (in Call call) =>
        {
            if (claim.LastId > group.LastId)
            {
                group.LastId = claim.LastId;
                stream.Groups.Store(group);
                StreamEffects.Advanced(call, call.Key, group);
            }

            Consumer? consumer = null;
            foreach (StreamId id in claim.Ids)
            {
                if (MayClaim(call, group, id, claim, out PendingEntry pending))
                {
                    Claim(call, group, pending, ref consumer);
                    claimed.Add(id);
                }
            }
        });
        call.Engine.Statistics.Changes += claimed.Count;
        Reply(call.Reply, stream, claimed, claim.JustIds);
    }

    public static void XAutoClaim(in Call call)
    {
        if (!TryAutoOptions(call, out StreamId from, out ClaimArguments claim)
            || !StreamGroups.IsShort(call, 3)
            || !StreamPending.TryGroup(call, call.Engine.Stream, out ConsumerGroup group))
        {
            return;
        }

        EntryStream stream = call.Engine.Stream;
        List<StreamId> claimed = [];
        List<StreamId> gone = [];
        StreamId rest = StreamId.Zero;
        StreamGroups.Change(call, stream, (in Call call) =>
        {
            Consumer? consumer = null;
            long looks = claim.Most * LooksPerClaim;
            foreach (PendingEntry pending in group.Pending(from, StreamId.Last))
            {
                if (looks-- == 0 || claimed.Count + gone.Count == claim.Most)
                {
                    rest = pending.Id;
                    break;
                }

                if (MayClaim(call, group, pending.Id, claim, out PendingEntry next))
                {
                    Claim(call, group, next, ref consumer);
                    claimed.Add(pending.Id);
                }
                else if (!stream.Contains(pending.Id))
                {
                    gone.Add(pending.Id);
                }
            }
        });
        call.Engine.Statistics.Changes += claimed.Count + gone.Count;
        call.Reply.Array(3);
        StreamArguments.ReplyId(call.Reply, rest);
        Reply(call.Reply, stream, claimed, claim.JustIds);
        call.Reply.Array(gone.Count);
        foreach (StreamId id in gone)
        {
            StreamArguments.ReplyId(call.Reply, id);
        }
    }

    /// <summary>False where an entry stays with its consumer. What is no entry of the stream any more needs no
    /// acknowledgement.</summary>
    private static bool MayClaim(
        in Call call, ConsumerGroup group, StreamId id, ClaimArguments claim, out PendingEntry next)
    {
        bool isPending = group.TryGetPending(id, out PendingEntry pending);
        long deliveries = isPending ? pending.Deliveries : 1;
        next = new PendingEntry(
            id, 0, claim.DeliveredAt, claim.Deliveries ?? deliveries + (claim.JustIds ? 0 : 1));
        if (!call.Engine.Stream.Contains(id))
        {
            if (isPending)
            {
                group.Remove(pending);
                StreamEffects.Acknowledged(call, call.Key, group, id);
            }

            return false;
        }

        bool isYoung = isPending && claim.MinimumIdle > 0 && claim.Now - pending.DeliveredAt < claim.MinimumIdle;
        return !isYoung && (isPending || claim.Forces);
    }

    /// <summary>The consumer gets an entry. As in Redis, one that gets none is not made.</summary>
    private static void Claim(in Call call, ConsumerGroup group, PendingEntry entry, ref Consumer? consumer)
    {
        consumer ??= StreamGroups.See(call, call.Engine.Stream, group, call.Args[3], call.Key);
        group.Put(entry with { Consumer = consumer.Number });
        StreamEffects.Delivered(call, call.Key, group, consumer, entry);
    }

    private static void Reply(RespWriter reply, EntryStream stream, List<StreamId> ids, bool justIds)
    {
        reply.Array(ids.Count);
        foreach (StreamId id in ids)
        {
            if (justIds)
            {
                StreamArguments.ReplyId(reply, id);
            }
            else
            {
                StreamRanges.TryReply(reply, stream, id);
            }
        }
    }

    private static bool TryAutoOptions(in Call call, out StreamId from, out ClaimArguments claim)
    {
        from = StreamId.Zero;
        if (!ClaimArguments.TryIdle(call, out claim) || !StreamArguments.TryStart(call, 5, out from))
        {
            return false;
        }

        claim.Most = 100;
        for (int i = 6; i < call.Args.Count; i++)
        {
            if (call.Args.Is(i, "justid"u8))
            {
                claim.JustIds = true;
            }
            else if (!call.Args.Is(i, "count"u8) || i + 1 == call.Args.Count)
            {
                call.Reply.Error(Errors.Syntax);
                return false;
            }
            else if (!Numbers.TryParse(call.Args[++i], out claim.Most) || claim.Most is < 1 or > MostClaims)
            {
                call.Reply.Error("ERR COUNT must be > 0"u8);
                return false;
            }
        }

        return true;
    }
}
