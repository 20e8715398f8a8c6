using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Memory;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>
/// RENAME, RENAMENX and COPY: a record under another key. A rename is one step, over a crash as well.
/// </summary>
internal static class KeyCopies
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("generic",
    [
        new("rename", 3, Write, KeySpec.Two, Rename)
        {
            KeyAccess = KeyAccess.ReadWrite,
            SecondKeyAccess = KeyAccess.Write,
            Since = "1.0.0",
            Summary = "Rename a key",
        },
        new("renamenx", 3, Write | Fast, KeySpec.Two, RenameNx)
        {
            KeyAccess = KeyAccess.ReadWrite,
            SecondKeyAccess = KeyAccess.Write,
            Since = "1.0.0",
            Summary = "Rename a key, only if the new key does not exist",
        },
        new("copy", -3, Write | DenyOom, KeySpec.Two, Copy)
            { KeyAccess = KeyAccess.Read, SecondKeyAccess = KeyAccess.Write, Since = "6.2.0", Summary = "Copy a key" },
    ]);

    public static void Rename(in Call call)
    {
        if (TryRename(call, ifAbsent: false, out bool found) || found)
        {
            call.Reply.Ok();
        }
        else
        {
            call.Reply.Error(Errors.NoSuchKey);
        }
    }

    public static void RenameNx(in Call call)
    {
        bool renamed = TryRename(call, ifAbsent: true, out bool found);
        if (!found)
        {
            call.Reply.Error(Errors.NoSuchKey);
            return;
        }

        call.Reply.Integer(renamed ? 1 : 0);
    }

    public static void Copy(in Call call)
    {
        bool replace = false;
        for (int i = 3; i < call.Args.Count; i++)
        {
            if (call.Args.Is(i, "replace"u8))
            {
                replace = true;
            }
            else if (call.Args.Is(i, "db"u8) && i + 1 < call.Args.Count)
            {
                if (!call.TryDatabase(++i))
                {
                    return;
                }
            }
            else
            {
                call.Reply.Error(Errors.Syntax);
                return;
            }
        }

        if (call.Key.SequenceEqual(call.Args[2]))
        {
            call.Reply.Error("ERR source and destination objects are the same"u8);
            return;
        }

        using var copy = new RecordCopy();
        bool done = copy.TryRead(call.Keys, call.Key) && TryCopy(call, copy, replace);
        if (done)
        {
            call.Changed(call.Args[2], KeyEvents.Generic, "copy_to");
        }

        call.Reply.Integer(done ? 1 : 0);
    }

    private static bool TryCopy(in Call call, RecordCopy copy, bool replace)
    {
        var there = default(FactsReader);
        if (call.Keys.TryRead(call.Args[2], ref there) && !replace)
        {
            return false;
        }

        long id = copy.Collection == 0 ? 0 : CopyElements(call, copy.Collection);
        if (there.Id != 0)
        {
            call.Engine.Keyspace.OpenNested().BeforeDrop(there.Id);
        }

        if (id == 0)
        {
            return copy.Put(call.Keys, call.Args[2], ifAbsent: false);
        }

        NestedCollections nested = call.Engine.Keyspace.OpenNested();
        copy.Collection = id;
        nested.BeforeExpiry(id, copy.ExpiresAt);
        copy.Put(call.Keys, call.Args[2], ifAbsent: false);
        nested.Complete(id);
        return true;
    }

    /// <summary>A second large collection with what one has; nothing shows it before a record names it.</summary>
    private static long CopyElements(in Call call, long from)
    {
        NestedCollections nested = call.Engine.Keyspace.OpenNested();
        long id = nested.Begin(call.Args[2]);
        for (byte index = 1; index <= 2; index++)
        {
            PersistentSortedMapSection to = nested.Section(id, index);
            foreach (SortedEntry entry in nested.Section(from, index).Scan())
            {
                to.Set(entry.Key, entry.Value, entry.ExpiresAt);
            }
        }

        return id;
    }

    private static bool TryRename(in Call call, bool ifAbsent, out bool found)
    {
        using var copy = new RecordCopy();
        found = copy.TryRead(call.Keys, call.Key);
        if (!found || call.Key.SequenceEqual(call.Args[2]))
        {
            return false;
        }

        var there = default(FactsReader);
        if (call.Keys.TryRead(call.Args[2], ref there) && ifAbsent)
        {
            return false;
        }

        AtomicScope atomic = call.Engine.BeginAtomic(4);
        try
        {
            if (there.Id != 0)
            {
                call.Engine.Keyspace.OpenNested().BeforeDrop(there.Id);
            }

            if (copy.Collection != 0)
            {
                call.Engine.Keyspace.OpenNested().Move(copy.Collection, call.Args[2]);
            }

            copy.Put(call.Keys, call.Args[2], ifAbsent: false);
            var remove = new Keys.RemoveMutation { MayDrop = true };
            call.Keys.Mutate(call.Key, ref remove);
            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }

        call.Changed(call.Key, KeyEvents.Generic, "rename_from");
        call.Changed(call.Args[2], KeyEvents.Generic, "rename_to");
        return true;
    }

    /// <summary>A record's content outside the arena.</summary>
    private sealed class RecordCopy : IDisposable
    {
        private readonly GrowingBuffer _bytes = new();
        private RecordType _type;
        private bool _isInteger;
        private long _integer;
        private long _expiresAt;

        /// <summary>The number of the large collection that it names; 0 where it names none.</summary>
        public long Collection
        {
            get;
            set
            {
                field = value;
                NestedCollections.WriteReference(_bytes.Span, value);
            }
        }

        public DateTimeOffset? ExpiresAt =>
            _expiresAt == RecordView.NoExpiry ? null : DateTimeOffset.FromUnixTimeMilliseconds(_expiresAt);

        public bool TryRead(PersistentDictionary keys, ReadOnlySpan<byte> key)
        {
            var reader = new Reader(this);
            return keys.TryRead(key, ref reader);
        }

        /// <summary>Puts the content under a key; false where one is there and must not be.</summary>
        public bool Put(PersistentDictionary keys, ReadOnlySpan<byte> key, bool ifAbsent)
        {
            var mutation = new Mutation(this, ifAbsent);
            keys.Mutate(key, ref mutation);
            return mutation.Done;
        }

        public void Dispose() => _bytes.Dispose();

        private readonly struct Reader(RecordCopy copy) : IRecordReader
        {
            public void Read(in RecordView record)
            {
                copy.Dispose();
                copy._type = record.Type;
                copy._isInteger = record.IsInteger;
                copy._integer = record.Integer;
                copy._expiresAt = record.ExpiresAt;
                record.Value.CopyTo(copy._bytes.Append(record.Value.Length));
                if (NestedCollections.TryGetReference(record, out long id))
                {
                    copy.Collection = id;
                }
            }
        }

        private struct Mutation(RecordCopy copy, bool ifAbsent) : IRecordMutation
        {
            public bool Done { get; private set; }

            public MutationPlan Plan(in RecordView current)
            {
                if (ifAbsent && current.Exists)
                {
                    return MutationPlan.None;
                }

                Done = true;
                return copy._isInteger
                    ? MutationPlan.PutInteger(copy._integer, copy._expiresAt)
                    : MutationPlan.Put(copy._bytes.Length, copy._expiresAt, copy._type);
            }

            public readonly void Write(in RecordView current, Span<byte> value) => copy._bytes.Span.CopyTo(value);
        }
    }
}
