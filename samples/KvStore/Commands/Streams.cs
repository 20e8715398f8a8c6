using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>Streams: entries come, go, and are counted.</summary>
internal static class Streams
{
    /// <summary>What a group of changes has room for from the start: an entry and the facts, and a few more.</summary>
    private const int FewChanges = 8;

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("stream",
    [
        new("xadd", -5, Write | DenyOom | Fast, KeySpec.One, XAdd)
            { Since = "5.0.0", Summary = "Appends a new entry to a stream" },
        new("xlen", 2, ReadOnly | Fast, KeySpec.One, XLen)
            { KeyAccess = KeyAccess.Exists, Since = "5.0.0", Summary = "Return the number of entries in a stream" },
        new("xdel", -3, Write | Fast, KeySpec.One, XDel)
        {
            Since = "5.0.0",
            Summary = "Removes the specified entries from the stream. "
                + "Returns the number of items actually deleted, that may be different from the number of IDs passed "
                + "in case certain IDs do not exist.",
        },
        new("xtrim", -4, Write, KeySpec.One, XTrim)
        {
            Since = "5.0.0",
            Summary = "Trims the stream to (approximately if '~' is passed) a certain size",
        },
        new("xsetid", -3, Write | DenyOom | Fast, KeySpec.One, XSetId)
            { Since = "5.0.0", Summary = "An internal command for replicating stream values" },
    ]);

    public static void XAdd(in Call call)
    {
        if (!TrimArguments.TryRead(call, isAdd: true, out TrimArguments trim))
        {
            return;
        }

        int fields = call.Args.Count - trim.IdAt - 1;
        if (fields < 2 || fields % 2 != 0)
        {
            call.Reply.Error(Errors.Arity("xadd"));
            return;
        }

        if (trim.Id == StreamId.Zero && !trim.IsOpen)
        {
            call.Reply.Error("ERR The ID specified in XADD must be greater than 0-0"u8);
            return;
        }

        long trimmed = 0;
        CollectionCalls.Change(call, call.Engine.Stream, FewChanges, (in Call call, EntryStream stream) =>
        {
            if (trim.NoMakeStream && !stream.Exists)
            {
                call.Reply.Null();
            }
            else if (TryNewId(call, stream.Facts.LastId, trim, out StreamId id))
            {
                stream.Add(id, call.Args, trim.IdAt + 1);
                trimmed = trim.Trims ? trim.CountOf(stream) : 0;
                stream.Trim(trimmed);
                StreamEffects.Added(call, stream, trim, id);
                StreamArguments.ReplyId(call.Reply, id);
            }
        });
        if (trimmed > 0)
        {
            call.Published(call.Key, KeyEvents.Stream, "xtrim");
        }
    }

    public static void XLen(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.Stream))
        {
            call.Reply.Integer(call.Engine.Stream.Facts.Length);
        }
    }

    public static void XDel(in Call call)
    {
        // Redis looks at the key first, and only then at the ids.
        if (!call.Engine.Stream.TryOpen(call.Key) || !call.Engine.Stream.Exists)
        {
            ReplyNothing(call);
            return;
        }

        if (StreamArguments.TryIds(call, 2, out StreamId[] ids))
        {
            CollectionCalls.Change(call, call.Engine.Stream, ids.Length + 1, (in Call call, EntryStream stream) =>
                call.Reply.Integer(ids.Count(stream.Remove)));
        }
    }

    public static void XTrim(in Call call)
    {
        if (TrimArguments.TryRead(call, isAdd: false, out TrimArguments trim))
        {
            CollectionCalls.Change(call, call.Engine.Stream, FewChanges, (in Call call, EntryStream stream) =>
            {
                long count = trim.CountOf(stream);
                stream.Trim(count);
                if (count > 0)
                {
                    StreamEffects.Trimmed(call, stream);
                }

                call.Reply.Integer(count);
            });
        }
    }

    public static void XSetId(in Call call)
    {
        if (!StreamArguments.TryId(call, 2, out StreamId id)
            || !TryFacts(call, id, out long added, out StreamId deleted))
        {
            return;
        }

        CollectionCalls.Change(call, call.Engine.Stream, FewChanges, (in Call call, EntryStream stream) =>
        {
            ReadOnlySpan<byte> refusal = !stream.Exists ? Errors.NoSuchKey : Refusal(stream, id, added);
            if (!refusal.IsEmpty)
            {
                call.Reply.Error(refusal);
                return;
            }

            stream.SetLastId(id);
            stream.Facts.Added = added >= 0 ? added : stream.Facts.Added;
            stream.Facts.LastDeleted = deleted != StreamId.Zero ? deleted : stream.Facts.LastDeleted;
            call.Reply.Ok();
        });
    }

    /// <summary>Replies 0, or that the key is of another type.</summary>
    private static void ReplyNothing(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.Stream))
        {
            call.Reply.Integer(0);
        }
    }

    /// <summary>The id of a new entry, which is above the last one, or the reply why there is none.</summary>
    private static bool TryNewId(in Call call, StreamId last, TrimArguments asked, out StreamId id)
    {
        id = StreamId.Zero;
        if (last == StreamId.Last)
        {
            call.Reply.Error(
                "ERR The stream has exhausted the last possible ID, unable to add more items"u8);
            return false;
        }

        if (asked.Id is null)
        {
            // Where the clock was put back, ids continue from the last one.
            ulong now = (ulong)Math.Max(0, WallClock.Milliseconds);
            id = new StreamId(now, 0);
            return now > last.Time || last.TryNext(out id);
        }

        id = asked.Id.Value;
        bool isNext = asked.IsOpen && id.Time == last.Time;
        if (isNext && last.Sequence == ulong.MaxValue)
        {
            call.Reply.Error("ERR Elements are too large to be stored"u8); // Redis says so
            return false;
        }

        id = isNext ? last with { Sequence = last.Sequence + 1 } : id;
        if (id <= last)
        {
            call.Reply.Error(
                "ERR The ID specified in XADD is equal or smaller than the target stream top item"u8);
        }

        return id > last;
    }

    private static bool TryFacts(in Call call, StreamId id, out long added, out StreamId deleted)
    {
        added = -1;
        deleted = StreamId.Zero;
        for (int i = 3; i < call.Args.Count; i += 2)
        {
            bool hasMore = i + 1 < call.Args.Count;
            if (hasMore && call.Args.Is(i, "entriesadded"u8))
            {
                if (!call.TryInteger(i + 1, out added))
                {
                    return false;
                }

                if (added < 0)
                {
                    call.Reply.Error("ERR entries_added must be positive"u8);
                    return false;
                }
            }
            else if (hasMore && call.Args.Is(i, "maxdeletedid"u8))
            {
                if (!StreamArguments.TryId(call, i + 1, out deleted))
                {
                    return false;
                }

                if (id < deleted)
                {
                    call.Reply.Error(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"u8);
                    return false;
                }
            }
            else
            {
                call.Reply.Error(Errors.Syntax);
                return false;
            }
        }

        return true;
    }

    private static ReadOnlySpan<byte> Refusal(EntryStream stream, StreamId id, long added)
    {
        StreamFacts facts = stream.Facts;
        return facts.Length == 0 ? default
            : id < stream.At(facts.Length - 1)
            ? "ERR The ID specified in XSETID is smaller than the target stream top item"u8
            : added >= 0 && facts.Length > added
            ? "ERR The entries_added specified in XSETID is smaller than the target stream length"u8
            : default;
    }
}
