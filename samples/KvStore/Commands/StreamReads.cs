using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Session;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>XREAD: entries behind ids, of several streams, or those that come.</summary>
internal static class StreamReads
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("stream",
    [
        new("xread", -4, ReadOnly | CommandFlags.Blocking, KeySpec.BehindStreams, XRead)
        {
            Since = "5.0.0",
            Summary = "Return never seen elements in multiple streams, with IDs greater than the ones reported by the "
                + "caller for each stream. Can block.",
        },
    ]);

    public static void XRead(in Call call)
    {
        if (!ReadArguments.TryRead(call, out ReadArguments read))
        {
            return;
        }

        if (call.Session.Blocked?.ReadyKey is { } ready)
        {
            ServeReady(call, read, ready);
            return;
        }

        var after = new StreamId[read.KeyCount];
        for (int i = 0; i < after.Length; i++)
        {
            if (!TryAfter(call, read, i, out after[i]))
            {
                return;
            }
        }

        if (TryServe(call, read, after))
        {
            return;
        }

        if (!read.Blocks || call.Session.RunsTransaction)
        {
            call.Reply.NullArray();
            return;
        }

        var blocked = new BlockedCommand(KeepIds(call.Args, read, after), RecordType.Stream, read.Deadline);
        Blocking.Wait(call, blocked, read.FirstKey, read.KeyCount);
    }

    /// <summary>Begins the reply: so many streams.</summary>
    public static void ReplyStreams(RespWriter reply, int count)
    {
        if (reply.Resp3)
        {
            reply.Map(count);
        }
        else
        {
            reply.Array(count);
        }
    }

    /// <summary>Begins the reply of one of them.</summary>
    public static void ReplyStream(RespWriter reply, ReadOnlySpan<byte> key)
    {
        if (!reply.Resp3)
        {
            reply.Array(2);
        }

        reply.Bulk(key);
    }

    /// <summary>Reads the id that a stream's entries are to be behind, or replies what is wrong.</summary>
    private static bool TryAfter(in Call call, ReadArguments read, int index, out StreamId after)
    {
        after = StreamId.Zero;
        EntryStream stream = call.Engine.Stream;
        if (!CollectionCalls.TryRead(call, stream, call.Args[read.FirstKey + index]))
        {
            return false;
        }

        ReadOnlySpan<byte> id = call.Args[read.IdAt(index)];
        if (id.SequenceEqual(">"u8))
        {
            call.Reply.Error("ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> "u8
                + "<consumer> option."u8);
            return false;
        }

        if (id.SequenceEqual("+"u8) && stream.Facts.Length > 0)
        {
            // As redis from 7.4 on: the last entry.
            return stream.At(stream.Facts.Length - 1).TryPrevious(out after);
        }

        if (id.SequenceEqual("$"u8) || id.SequenceEqual("+"u8))
        {
            after = stream.Facts.LastId;
            return true;
        }

        return StreamArguments.TryId(call, read.IdAt(index), out after);
    }

    /// <summary>Replies what is there; false where nothing is.</summary>
    private static bool TryServe(in Call call, ReadArguments read, StreamId[] after)
    {
        EntryStream stream = call.Engine.Stream;
        List<(int Key, StreamId From)> served = [];
        for (int i = 0; i < after.Length; i++)
        {
            stream.TryOpen(call.Args[read.FirstKey + i]);
            if (stream.Facts.Length > 0 && after[i].TryNext(out StreamId from)
                && stream.At(stream.Facts.Length - 1) >= from)
            {
                served.Add((read.FirstKey + i, from));
            }
        }

        if (served.Count == 0)
        {
            return false;
        }

        ReplyStreams(call.Reply, served.Count);
        foreach ((int key, StreamId from) in served)
        {
            stream.TryOpen(call.Args[key]);
            ReplyStream(call.Reply, call.Args[key]);
            StreamRanges.Reply(call.Reply, stream, new StreamRange(from, StreamId.Last, read.Most));
        }

        return true;
    }

    /// <summary>A stream that the client waits for has more; it replies nothing where that is not behind its
    /// id.</summary>
    private static void ServeReady(in Call call, ReadArguments read, byte[] ready)
    {
        EntryStream stream = call.Engine.Stream;
        for (int i = 0; i < read.KeyCount; i++)
        {
            ReadOnlySpan<byte> key = call.Args[read.FirstKey + i];
            if (key.SequenceEqual(ready) && stream.TryOpen(key)
                && StreamId.TryParse(call.Args[read.IdAt(i)], 0, out StreamId after)
                && stream.Facts.LastId > after && after.TryNext(out StreamId from))
            {
                ReplyStreams(call.Reply, 1);
                ReplyStream(call.Reply, key);
                StreamRanges.Reply(call.Reply, stream, new StreamRange(from, StreamId.Last, read.MostAfterWait));
                return;
            }
        }
    }

    /// <summary>The arguments for when it runs again, with the ids that words stand for now.</summary>
    private static KeptArguments KeepIds(Arguments args, ReadArguments read, StreamId[] after)
    {
        List<byte> bytes = [];
        var slices = new Slice[args.Count];
        Span<byte> text = stackalloc byte[StreamId.LongestText];
        for (int i = 0; i < args.Count; i++)
        {
            int id = i - read.IdAt(0);
            ReadOnlySpan<byte> argument = id >= 0 ? text[..after[id].Format(text)] : args[i];
            slices[i] = new Slice(bytes.Count, argument.Length);
            bytes.AddRange(argument);
        }

        return new KeptArguments(new Arguments(bytes.ToArray(), slices));
    }
}
