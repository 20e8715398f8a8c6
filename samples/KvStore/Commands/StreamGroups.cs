using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>XGROUP: groups of a stream's consumers come and go.</summary>
internal static class StreamGroups
{
    /// <summary>What a group of changes has room for from the start.</summary>
    public const int FewChanges = 16;

    private static readonly KeySpec s_key = new(2, 2, 1);

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("stream",
    [
        new("xgroup", -2, NoFlags, KeySpec.None, null)
        {
            Since = "5.0.0",
            Summary = "A container for consumer groups commands",
            Subcommands =
            [
                new("xgroup|create", -5, Write | DenyOom, s_key, Create)
                    { Since = "5.0.0", Summary = "Create a consumer group." },
                new("xgroup|setid", -5, Write, s_key, SetId)
                {
                    Since = "5.0.0",
                    Summary = "Set a consumer group to an arbitrary last delivered ID value.",
                },
                new("xgroup|destroy", 4, Write, s_key, Destroy)
                    { Since = "5.0.0", Summary = "Destroy a consumer group." },
                new("xgroup|createconsumer", 5, Write | DenyOom, s_key, CreateConsumer)
                    { Since = "6.2.0", Summary = "Create a consumer in a consumer group." },
                new("xgroup|delconsumer", 5, Write, s_key, RemoveConsumer)
                    { Since = "5.0.0", Summary = "Delete a consumer from a consumer group." },
                HelpTexts.Of("xgroup", "5.0.0"),
            ],
        },
    ]);

    public static void Create(in Call call)
    {
        EntryStream stream = call.Engine.Stream;
        if (!TryOptions(call, mayCreate: true, out long read, out bool makes) || !IsShort(call, 3)
            || !TryOpen(call, stream, makes) || !TryLastId(call, stream, out StreamId last))
        {
            return;
        }

        if (stream.Exists && stream.Groups.Find(call.Args[3]) is not null)
        {
            call.Reply.Error("BUSYGROUP Consumer Group name already exists"u8);
            return;
        }

        bool isNew = !stream.Exists;
        Change(call, stream, (in Call call) =>
        {
            stream.Create();
            stream.Facts.LastGroup++;
            ConsumerGroup group = stream.Groups.New(call.Args[3], stream.Facts.LastGroup);
            group.LastId = last;
            group.EntriesRead = read;
            stream.Groups.Store(group);
        });
        call.Reply.Ok();
        if (isNew)
        {
            call.Changed(call.Args[2], KeyEvents.Stream, "xgroup-create");
        }
        else
        {
            Noted(call, "xgroup-create");
        }
    }

    public static void SetId(in Call call)
    {
        EntryStream stream = call.Engine.Stream;
        if (!TryOptions(call, mayCreate: false, out long read, out _)
            || !TryGroup(call, stream, out ConsumerGroup group) || !TryLastId(call, stream, out StreamId last))
        {
            return;
        }

        group.LastId = last;
        group.EntriesRead = read;
        stream.Groups.Store(group);
        call.Reply.Ok();
        Noted(call, "xgroup-setid");
    }

    public static void Destroy(in Call call)
    {
        EntryStream stream = call.Engine.Stream;
        if (!TryOpen(call, stream, makes: false))
        {
            return;
        }

        if (stream.Groups.Find(call.Args[3]) is not { } group)
        {
            call.Reply.Integer(0);
            return;
        }

        Change(call, stream, (in Call _) =>
        {
            stream.Groups.Destroy(group);
            stream.Facts.Destroyed++;
        });
        call.Reply.Integer(1);
        Noted(call, "xgroup-destroy");
        call.Engine.Waiting.Touch(call.Args[2]); // clients that wait for its entries hear that it is gone
    }

    public static void CreateConsumer(in Call call)
    {
        EntryStream stream = call.Engine.Stream;
        if (!IsShort(call, 4) || !TryGroup(call, stream, out ConsumerGroup group))
        {
            return;
        }

        bool isNew = group.FindConsumer(call.Args[4]) is null;
        if (isNew)
        {
            Change(call, stream, (in Call call) => See(call, stream, group, call.Args[4], call.Args[2]));
        }

        call.Reply.Integer(isNew ? 1 : 0);
    }

    public static void RemoveConsumer(in Call call)
    {
        EntryStream stream = call.Engine.Stream;
        if (!TryGroup(call, stream, out ConsumerGroup group))
        {
            return;
        }

        long pending = 0;
        if (group.FindConsumer(call.Args[4]) is { } consumer)
        {
            Change(call, stream, (in Call _) => pending = group.Remove(consumer));
            Noted(call, "xgroup-delconsumer");
        }

        call.Reply.Integer(pending);
    }

    /// <summary>False, and an error is replied, where a name is longer than what can be looked up.</summary>
    public static bool IsShort(in Call call, int index)
    {
        bool isShort = call.Args[index].Length <= CollectionCalls.LongestElement;
        if (!isShort)
        {
            call.Reply.Error(Errors.ElementTooLong);
        }

        return isShort;
    }

    /// <summary>A consumer of a group has come; it is made where there is none.</summary>
    public static Consumer See(
        in Call call, EntryStream stream, ConsumerGroup group, ReadOnlySpan<byte> name, ReadOnlySpan<byte> key)
    {
        long now = WallClock.TimeOfDay.ToUnixTimeMilliseconds();
        if (group.FindConsumer(name) is { } known)
        {
            Consumer seen = known with { Seen = now };
            group.Store(seen);
            return seen;
        }

        Consumer consumer = group.CreateConsumer(name, now);
        stream.Groups.Store(group);
        StreamEffects.Created(call, key, group, consumer);
        call.Engine.Statistics.Changes++;
        call.Published(key, KeyEvents.Stream, "xgroup-createconsumer");
        return consumer;
    }

    /// <summary>Changes groups of a stream: all that the change does or nothing, over a crash as well.</summary>
    public static void Change(in Call call, EntryStream stream, CommandHandler change)
    {
        AtomicScope atomic = call.Engine.BeginAtomic(stream.Exists ? FewChanges : 0);
        try
        {
            change(call);
            stream.NoteChange();
            stream.Commit();
            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }
    }

    /// <summary>As in Redis, a change of groups is none of the key for clients that watch it.</summary>
    private static void Noted(in Call call, string name)
    {
        call.Engine.Statistics.Changes++;
        call.Published(call.Args[2], KeyEvents.Stream, name);
    }

    /// <summary>Opens the stream, or replies why that cannot be.</summary>
    private static bool TryOpen(in Call call, EntryStream stream, bool makes)
    {
        if (!CollectionCalls.TryRead(call, stream, call.Args[2]))
        {
            return false;
        }

        if (!stream.Exists && !makes)
        {
            call.Reply.Error("ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want "u8
                + "to use the MKSTREAM option to create an empty stream automatically."u8);
            return false;
        }

        return true;
    }

    private static bool TryGroup(in Call call, EntryStream stream, out ConsumerGroup group)
    {
        group = null!;
        return TryOpen(call, stream, makes: false) && TryFind(call, stream, out group);
    }

    /// <summary>The group that the argument behind the key names, of a stream that is there; or replies that there is
    /// none.</summary>
    public static bool TryFind(in Call call, EntryStream stream, out ConsumerGroup group)
    {
        ConsumerGroup? found = stream.Groups.Find(call.Args[3]);
        group = found!;
        if (found is null)
        {
            call.Reply.Error(
                $"NOGROUP No such consumer group '{call.Args.Shown(3)}' for key name '{call.Args.Shown(2)}'");
        }

        return found is not null;
    }

    /// <summary>Reads the id behind the group's name; <c>$</c> is the stream's last one.</summary>
    private static bool TryLastId(in Call call, EntryStream stream, out StreamId last)
    {
        last = stream.Facts.LastId;
        return call.Args[4].SequenceEqual("$"u8) || StreamArguments.TryId(call, 4, out last);
    }

    private static bool TryOptions(in Call call, bool mayCreate, out long read, out bool makes)
    {
        read = ConsumerGroup.Unknown;
        makes = false;
        for (int i = 5; i < call.Args.Count; i++)
        {
            if (mayCreate && call.Args.Is(i, "mkstream"u8))
            {
                makes = true;
            }
            else if (call.Args.Is(i, "entriesread"u8) && i + 1 < call.Args.Count)
            {
                if (!call.TryInteger(++i, out read))
                {
                    return false;
                }

                if (read < ConsumerGroup.Unknown)
                {
                    call.Reply.Error("ERR value for ENTRIESREAD must be positive or -1"u8);
                    return false;
                }
            }
            else
            {
                call.Reply.Error(Errors.NoSuchForm(call.Args.Shown(1), "XGROUP"));
                return false;
            }
        }

        return true;
    }
}
