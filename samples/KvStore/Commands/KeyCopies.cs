using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Memory;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>
/// RENAME, RENAMENX, COPY and MOVE: a record under another key, or in another database. Each is one step, over a crash
/// as well.
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
        new("copy", -3, Write | DenyOom | NamesDatabases, KeySpec.Two, Copy)
            { KeyAccess = KeyAccess.Read, SecondKeyAccess = KeyAccess.Write, Since = "6.2.0", Summary = "Copy a key" },
        new("move", 3, Write | Fast | NamesDatabases, KeySpec.One, Move)
            { KeyAccess = KeyAccess.ReadWrite, Since = "1.0.0", Summary = "Move a key to another database" },
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
        Database? to = call.Engine.Databases.Selected;
        if (!TryCopyOptions(call, ref to, out bool replace))
        {
            return;
        }

        if (to == call.Engine.Databases.Selected && call.Key.SequenceEqual(call.Args[2]))
        {
            call.Reply.Error(Errors.SameObject);
            return;
        }

        using var copy = new RecordCopy();
        bool done = copy.TryRead(call.Keys, call.Key) && TryCopy(call, copy, to!, replace);
        if (done)
        {
            Changed(call, to!, call.Args[2], "copy_to");
        }

        call.Reply.Integer(done ? 1 : 0);
    }

    public static void Move(in Call call)
    {
        if (!call.TryDatabase(2, out Database? to))
        {
            return;
        }

        Database from = call.Engine.Databases.Selected;
        if (to == from)
        {
            call.Reply.Error(Errors.SameObject);
            return;
        }

        using var copy = new RecordCopy();
        if (!copy.TryRead(from.Keys, call.Key) || to!.Has(call.Key))
        {
            call.Reply.Integer(0);
            return;
        }

        long old = copy.Collection;
        CopyElements(from, to, copy, call.Key);
        long noted = NoteFields(call, to, call.Key);
        AtomicScope atomic = call.Engine.BeginAtomic(4);
        try
        {
            copy.PutInto(to, call.Key);
            if (old != 0)
            {
                from.OpenNested().BeforeDrop(old);
            }

            var remove = new Keys.RemoveMutation { MayDrop = true };
            from.Keys.Mutate(call.Key, ref remove);
            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }

        Forget(from, noted, call.Key);
        call.Changed(call.Key, KeyEvents.Generic, "move_from");
        Changed(call, to, call.Key, "move_to");
        call.Reply.Integer(1);
    }

    private static bool TryCopyOptions(in Call call, ref Database? to, out bool replace)
    {
        replace = false;
        for (int i = 3; i < call.Args.Count; i++)
        {
            if (call.Args.Is(i, "replace"u8))
            {
                replace = true;
            }
            else if (call.Args.Is(i, "db"u8) && i + 1 < call.Args.Count)
            {
                if (!call.TryDatabase(++i, out to))
                {
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

    private static bool TryCopy(in Call call, RecordCopy copy, Database to, bool replace)
    {
        var there = default(FactsReader);
        if (to.Keys.TryRead(call.Args[2], ref there) && !replace)
        {
            return false;
        }

        CopyElements(call.Engine.Databases.Selected, to, copy, call.Args[2]);
        if (there.Id != 0)
        {
            to.OpenNested().BeforeDrop(there.Id);
        }

        NoteFields(call, to, call.Args[2]);
        copy.PutInto(to, call.Args[2]);
        return true;
    }

    /// <summary>
    /// Gives the copy a large collection of its own, with what the one that it names has. Nothing shows it before a
    /// record names it.
    /// </summary>
    private static void CopyElements(Database from, Database to, RecordCopy copy, ReadOnlySpan<byte> key)
    {
        if (copy.Collection == 0)
        {
            return;
        }

        NestedCollections nested = to.OpenNested();
        long id = nested.Begin(key);
        for (byte index = 1; index <= 2; index++)
        {
            PersistentSortedMapSection section = nested.Section(id, index);
            foreach (SortedEntry entry in from.OpenNested().Section(copy.Collection, index).Scan())
            {
                EntryCopy put = new(entry.Value, entry.Type);
                section.Mutate(entry.Key, ref put);
            }
        }

        copy.Collection = id;
    }

    /// <summary>Tells those who watch a key, or hear of its events, in a database that may be another one.</summary>
    private static void Changed(in Call call, Database database, ReadOnlySpan<byte> key, string name)
    {
        call.Engine.Databases.Select(database.Number);
        call.Changed(key, KeyEvents.Generic, name);
        call.Engine.Databases.Select(call.Session.Database);
    }

    private static bool TryRename(in Call call, bool ifAbsent, out bool found)
    {
        LargeString.Convert(call.Engine.Keyspace, call.Key);
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

        Database database = call.Engine.Databases.Selected;
        long noted = NoteFields(call, database, call.Args[2]);
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

            copy.Put(call.Keys, call.Args[2]);
            var remove = new Keys.RemoveMutation { MayDrop = true };
            call.Keys.Mutate(call.Key, ref remove);
            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }

        Forget(database, noted, call.Key);
        call.Changed(call.Key, KeyEvents.Generic, "rename_from");
        call.Changed(call.Args[2], KeyEvents.Generic, "rename_to");
        return true;
    }

    /// <summary>
    /// A hash of which fields expire is about to be stored under that key: notes when the first one does.
    /// </summary>
    private static long NoteFields(in Call call, Database to, ReadOnlySpan<byte> key)
    {
        FieldMap hash = call.Engine.Hash;
        bool isNoted = call.Engine.Databases.Selected.FieldDues.Any && hash.TryOpen(call.Key)
            && hash.NotedTime != FieldTimes.Never;
        if (isNoted)
        {
            to.FieldDues.Note(hash.NotedTime, key);
        }

        return isNoted ? hash.NotedTime : FieldTimes.Never;
    }

    private static void Forget(Database database, long noted, ReadOnlySpan<byte> key)
    {
        if (noted != FieldTimes.Never)
        {
            database.FieldDues.Forget(noted, key);
        }
    }

    /// <summary>Puts an entry's value as it is.</summary>
    private readonly ref struct EntryCopy(ReadOnlySpan<byte> value, RecordType type) : IRecordMutation
    {
        private readonly ReadOnlySpan<byte> _value = value;

        public static bool ReadsCurrent => false;

        public RecordChange Decide(in RecordView current) =>
            RecordChange.Put(_value.Length, RecordView.NoExpiry, type);

        public void Write(in RecordView current, Span<byte> value) => _value.CopyTo(value);
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
            _expiresAt == RecordView.NoExpiry ? null : WallClock.At(_expiresAt);

        public bool TryRead(PersistentDictionary keys, ReadOnlySpan<byte> key)
        {
            var reader = new Reader(this);
            return keys.TryRead(key, ref reader);
        }

        /// <summary>Puts the content under a key.</summary>
        public void Put(PersistentDictionary keys, ReadOnlySpan<byte> key)
        {
            var mutation = new Mutation(this);
            keys.Mutate(key, ref mutation);
        }

        /// <summary>The same with the large collection that was begun for it.</summary>
        public void PutInto(Database database, ReadOnlySpan<byte> key)
        {
            if (Collection != 0)
            {
                database.OpenNested().BeforeExpiry(Collection, ExpiresAt);
            }

            Put(database.Keys, key);
            if (Collection != 0)
            {
                database.OpenNested().Complete(Collection);
            }
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

        private readonly struct Mutation(RecordCopy copy) : IRecordMutation
        {
            public RecordChange Decide(in RecordView current) => copy._isInteger
                ? RecordChange.PutInteger(copy._integer, copy._expiresAt)
                : RecordChange.Put(copy._bytes.Length, copy._expiresAt, copy._type);

            public void Write(in RecordView current, Span<byte> value) => copy._bytes.Span.CopyTo(value);
        }
    }
}
