using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>Ids among the arguments of commands on streams.</summary>
internal static class StreamArguments
{
    private const string NoId = "ERR Invalid stream ID specified as stream command argument";

    /// <summary>Reads an id, or replies that it is none.</summary>
    public static bool TryId(in Call call, int index, out StreamId id)
    {
        bool isId = StreamId.TryParse(call.Args[index], 0, out id);
        if (!isId)
        {
            call.Reply.Error(NoId);
        }

        return isId;
    }

    /// <summary>The same of all arguments from one on.</summary>
    public static bool TryIds(in Call call, int first, out StreamId[] ids)
    {
        ids = new StreamId[call.Args.Count - first];
        for (int i = 0; i < ids.Length; i++)
        {
            if (!TryId(call, first + i, out ids[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Reads XADD's id; its number may be open.</summary>
    public static bool TryOpenId(in Call call, int index, out StreamId id, out bool isOpen)
    {
        bool isId = StreamId.TryParseOpen(call.Args[index], out id, out isOpen);
        if (!isId)
        {
            call.Reply.Error(NoId);
        }

        return isId;
    }

    /// <summary>Reads where a range begins, itself included: an id, <c>-</c>, <c>+</c>, or <c>(</c>id.</summary>
    public static bool TryStart(in Call call, int index, out StreamId id)
    {
        if (!TryBound(call, index, 0, out id, out bool excludes))
        {
            return false;
        }

        if (excludes && !id.TryNext(out id))
        {
            call.Reply.Error("ERR invalid start ID for the interval"u8);
            return false;
        }

        return true;
    }

    /// <summary>Reads where a range ends, itself included.</summary>
    public static bool TryEnd(in Call call, int index, out StreamId id)
    {
        if (!TryBound(call, index, ulong.MaxValue, out id, out bool excludes))
        {
            return false;
        }

        if (excludes && !id.TryPrevious(out id))
        {
            call.Reply.Error("ERR invalid end ID for the interval"u8);
            return false;
        }

        return true;
    }

    /// <summary>Replies an id.</summary>
    public static void ReplyId(RespWriter reply, StreamId id)
    {
        Span<byte> text = stackalloc byte[StreamId.LongestText];
        reply.Bulk(text[..id.Format(text)]);
    }

    private static bool TryBound(in Call call, int index, ulong missing, out StreamId id, out bool excludes)
    {
        ReadOnlySpan<byte> text = call.Args[index];
        excludes = text.Length > 1 && text[0] == (byte)'(';
        id = text.SequenceEqual("+"u8) ? StreamId.Last : StreamId.Zero;
        if (text.SequenceEqual("-"u8) || text.SequenceEqual("+"u8))
        {
            return true;
        }

        bool isId = StreamId.TryParse(excludes ? text[1..] : text, missing, out id);
        if (!isId)
        {
            call.Reply.Error(NoId);
        }

        return isId;
    }
}
