using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>Commands on keys whatever their type.</summary>
internal static class Keys
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("generic",
    [
        new("del", -2, Write, KeySpec.Every, Del)
            { Since = "1.0.0", Summary = "Delete a key" },
        new("unlink", -2, Write | Fast, KeySpec.Every, Del)
            { Event = "del", Since = "4.0.0", Summary = "Delete a key" },
        new("exists", -2, ReadOnly | Fast | NoTouch, KeySpec.Every, Exists)
            { KeyAccess = KeyAccess.Exists, Since = "1.0.0", Summary = "Determine if a key exists" },
        new("touch", -2, ReadOnly | Fast, KeySpec.Every, Exists)
            { KeyAccess = KeyAccess.Exists, Since = "3.2.1", Summary = "Counts the keys that exist" },
        new("type", 2, ReadOnly | Fast | NoTouch, KeySpec.One, Type)
            { KeyAccess = KeyAccess.Exists, Since = "1.0.0", Summary = "Determine the type stored at key" },
    ]);

    /// <summary>
    /// All of the keys or none, over a crash as well, unless the arena has no room for a way back: what makes room must
    /// work there too.
    /// </summary>
    public static void Del(in Call call)
    {
        long removed = 0;
        AtomicScope atomic = call.Engine.BeginAtomicWhereRoom(call.Args.Count > 2 ? call.Args.Count - 1 : 0);
        try
        {
            for (int i = 1; i < call.Args.Count; i++)
            {
                if (Remove(call, call.Args[i]))
                {
                    removed++;
                }
            }

            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }

        call.Reply.Integer(removed);
    }

    public static void Exists(in Call call)
    {
        long found = 0;
        for (int i = 1; i < call.Args.Count; i++)
        {
            var facts = default(FactsReader);
            bool exists = call.Keys.TryRead(call.Args[i], ref facts);
            call.Looked(exists, call.Args[i]);
            found += exists ? 1 : 0;
        }

        call.Reply.Integer(found);
    }

    public static void Type(in Call call)
    {
        var facts = default(FactsReader);
        bool found = call.Keys.TryRead(call.Key, ref facts);
        call.Looked(found);
        call.Reply.Simple(found ? TypeName(facts.Type) : "none"u8);
    }

    /// <summary>Removes a key and tells its watchers; false where there was none.</summary>
    public static bool Remove(in Call call, ReadOnlySpan<byte> key)
    {
        bool found = Remove(call.Engine.Databases.Selected, key, out _);
        if (found)
        {
            call.Changed(key);
        }

        return found;
    }

    /// <summary>Removes a key; false where there was none.</summary>
    public static bool Remove(Database database, ReadOnlySpan<byte> key, out bool wasLarge)
    {
        var mutation = default(RemoveMutation);
        database.Keys.Mutate(key, ref mutation);
        wasLarge = mutation.Collection != 0;
        if (wasLarge)
        {
            database.OpenNested().BeforeDrop(mutation.Collection);
            mutation.MayDrop = true;
            database.Keys.Mutate(key, ref mutation);
        }

        return mutation.Found;
    }

    public static ReadOnlySpan<byte> TypeName(RecordType type) => type switch
    {
        RecordType.String or RecordType.Bytes => "string"u8,
        RecordType.Hash => "hash"u8,
        RecordType.List => "list"u8,
        RecordType.Set => "set"u8,
        RecordType.SortedSet => "zset"u8,
        RecordType.Stream => "stream"u8,
        _ => "none"u8,
    };

    internal struct RemoveMutation : IRecordMutation
    {
        public static bool ReadsCurrent => false;

        public bool Found { get; private set; }

        /// <summary>
        /// The number of a large collection that is in the way and may not be dropped yet; 0 for none.
        /// </summary>
        public long Collection { get; private set; }

        /// <summary>True where a large collection may go: it is noted that it does, or it moves.</summary>
        public bool MayDrop { get; set; }

        public RecordChange Decide(in RecordView current)
        {
            Found = current.Exists;
            if (!MayDrop && NestedCollections.TryGetReference(current, out long id))
            {
                Collection = id;
                return RecordChange.None;
            }

            return current.Exists ? RecordChange.Remove() : RecordChange.None;
        }

        public readonly void Write(in RecordView current, Span<byte> value)
        {
            // A removal writes nothing.
        }
    }
}
