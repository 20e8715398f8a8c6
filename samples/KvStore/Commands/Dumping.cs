using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Memory;
using KvStore.Protocol;
using KvStore.Rdb;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>
/// DUMP and RESTORE: what a key has, as bytes that other servers of this protocol take. A restore is one step, over a
/// crash as well.
/// </summary>
internal static class Dumping
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("generic",
    [
        new("dump", 2, ReadOnly, KeySpec.One, Dump)
        {
            Since = "2.6.0",
            Summary = "Return a serialized version of the value stored at the specified key.",
        },
        new("restore", -4, Write | DenyOom, KeySpec.One, Restore)
        {
            Also = AclCategories.Dangerous,
            Since = "2.6.0",
            Summary = "Create a key using the provided serialized value, previously obtained using DUMP.",
        },
    ]);

    private static ReadOnlySpan<byte> BadFormat => "ERR Bad data format"u8;

    public static void Dump(in Call call)
    {
        using var bytes = new GrowingBuffer();
        RdbOutput output = new(bytes);
        ObjectDump dump = new(call.Engine, output);
        bool found;
        try
        {
            found = dump.TryWrite(call.Key);
            DumpPayload.Close(output, dump.Version);
        }
        catch (InsufficientMemoryException)
        {
            call.Reply.Error("ERR the dump would be larger than 2 GB, or than the memory that is left"u8);
            return;
        }

        call.Looked(found);
        if (found)
        {
            call.Reply.Bulk(bytes.Span);
        }
        else
        {
            call.Reply.Null();
        }
    }

    public static void Restore(in Call call)
    {
        if (!RestoreOptions.TryParse(call, out RestoreOptions options))
        {
            return;
        }

        Database database = call.Engine.Databases.Selected;
        if (!options.Replaces && database.Has(call.Key))
        {
            call.Reply.Error("BUSYKEY Target key name already exists."u8);
            return;
        }

        if (!options.TryTime(call, out long expiresAt))
        {
            return;
        }

        if (!DumpPayload.TryOpen(call.Args[3], out ReadOnlySpan<byte> content))
        {
            call.Reply.Error("ERR DUMP payload version or checksum are wrong"u8);
            return;
        }

        using ObjectLoader loaded = new(call.Engine, call.Key.ToArray());
        ReadOnlySpan<byte> wrong = content.IsEmpty ? BadFormat : Read(call, content, loaded);
        if (!wrong.IsEmpty)
        {
            call.Reply.Error(wrong);
            return;
        }

        Put(call, loaded, expiresAt, options);
    }

    /// <summary>Reads the object; what is wrong with it, or nothing.</summary>
    private static ReadOnlySpan<byte> Read(in Call call, ReadOnlySpan<byte> content, ObjectLoader loaded)
    {
        try
        {
            RdbInput.Read(content, call.Engine.Options.Protocol.MaxBulkLength, input =>
            {
                using ObjectReader reader = new(input, loaded);
                reader.Read((RdbType)input.ReadByte());
            });
            return default;
        }
        catch (RdbFormatException wrong)
        {
            return wrong.IsTooLong ? Errors.ElementTooLong : BadFormat;
        }
    }

    /// <summary>The one store that makes it true; where it would have expired by now, what the key has goes.</summary>
    private static void Put(in Call call, ObjectLoader loaded, long expiresAt, RestoreOptions options)
    {
        bool isPast = expiresAt != RecordView.NoExpiry && expiresAt <= WallClock.Milliseconds;
        if (isPast || loaded.IsGone)
        {
            if (Keys.Remove(call.Engine.Databases.Selected, call.Key, out _))
            {
                call.Changed(call.Key, KeyEvents.Generic, "del");
            }

            call.Reply.Ok();
            return;
        }

        if (loaded.Collection is { } collection)
        {
            collection.ExpiresAt = expiresAt;
            collection.Commit();
        }
        else
        {
            // The one place that stores a string.
            var mutation = new SetMutation(loaded.Text.Span) { ExpiresAt = expiresAt };
            SetMutation.Run(call, call.Key, ref mutation);
        }

        call.Changed(call.Key);
        options.Apply(call);
        call.Reply.Ok();
    }
}
