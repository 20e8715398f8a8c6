using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>Streams: ranges of entries, in both directions.</summary>
internal static class StreamRanges
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("stream",
    [
        new("xrange", -4, ReadOnly, KeySpec.One, XRange)
        {
            Since = "5.0.0",
            Summary = "Return a range of elements in a stream, with IDs matching the specified IDs interval",
        },
        new("xrevrange", -4, ReadOnly, KeySpec.One, XRange)
        {
            Since = "5.0.0",
            Summary = "Return a range of elements in a stream, with IDs matching the specified IDs interval, "
                + "in reverse order (from greater to smaller IDs) compared to XRANGE",
        },
    ]);

    public static void XRange(in Call call)
    {
        bool descends = call.Command.Name == "xrevrange";
        if (!StreamArguments.TryStart(call, descends ? 3 : 2, out StreamId from)
            || !StreamArguments.TryEnd(call, descends ? 2 : 3, out StreamId to)
            || !TryCount(call, out long count)
            || !CollectionCalls.TryRead(call, call.Engine.Stream))
        {
            return;
        }

        EntryStream stream = call.Engine.Stream;
        if (!stream.Exists)
        {
            call.Reply.Array(0);
        }
        else if (count == 0)
        {
            call.Reply.NullArray();
        }
        else
        {
            Reply(call.Reply, stream, new StreamRange(from, to, count < 0 ? 0 : count, descends));
        }
    }

    /// <summary>Replies entries of a range.</summary>
    public static void Reply(RespWriter reply, EntryStream stream, StreamRange range)
    {
        long left = stream.CountRange(range.From, range.To);
        left = range.Most > 0 ? Math.Min(left, range.Most) : left;
        reply.Array(left);
        StreamCursor entries = stream.Range(range.From, range.To, range.Descends);
        while (left-- > 0 && entries.MoveNext())
        {
            ReplyEntry(reply, entries.Id, entries.Fields);
        }
    }

    /// <summary>Replies one entry; false, and nothing is replied, where it is not there.</summary>
    public static bool TryReply(RespWriter reply, EntryStream stream, StreamId id)
    {
        StreamCursor entries = stream.Range(id, id, descends: false);
        bool found = entries.MoveNext();
        if (found)
        {
            ReplyEntry(reply, id, entries.Fields);
        }

        return found;
    }

    private static void ReplyEntry(RespWriter reply, StreamId id, PackedPieces fields)
    {
        reply.Array(2);
        StreamArguments.ReplyId(reply, id);
        reply.Array(fields.Count);
        for (int at = PackedPieces.Start; at < fields.End;)
        {
            reply.Bulk(fields.Read(ref at));
        }
    }

    private static bool TryCount(in Call call, out long count)
    {
        count = -1;
        for (int i = 4; i < call.Args.Count; i += 2)
        {
            if (!call.Args.Is(i, "count"u8) || i + 1 == call.Args.Count)
            {
                call.Reply.Error(Errors.Syntax);
                return false;
            }

            if (!call.TryInteger(i + 1, out count))
            {
                return false;
            }

            count = Math.Max(0, count);
        }

        return true;
    }
}

/// <summary>Entries that are asked for.</summary>
/// <param name="From">The lowest id.</param>
/// <param name="To">The highest id.</param>
/// <param name="Most">How many at most; 0: all.</param>
/// <param name="Descends">True where the highest id comes first.</param>
internal readonly record struct StreamRange(StreamId From, StreamId To, long Most, bool Descends = false);
