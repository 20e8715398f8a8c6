using GuestMemFs;
using KvStore.Engine;

namespace KvStore.Commands;

/// <summary>Commands on keys whatever their type.</summary>
internal static class Keys
{
    /// <summary>All of the keys or none, over a crash as well, unless the arena has no room for a way back: what makes room must work there too.</summary>
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
            call.Looked(exists);
            found += exists ? 1 : 0;
        }

        call.Reply.Integer(found);
    }

    public static void Type(in Call call)
    {
        var facts = default(FactsReader);
        call.Reply.Simple(call.Keys.TryRead(call.Key, ref facts) ? TypeName(facts.Type) : "none"u8);
    }

    public static void DbSize(in Call call) => call.Reply.Integer(call.Keys.Count);

    public static void Flush(in Call call)
    {
        if (call.Args.Count > 2 || (call.Args.Count == 2 && !call.Args.Is(1, "async"u8) && !call.Args.Is(1, "sync"u8)))
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        call.Engine.Watches.TouchAll(call.Keys);
        call.Engine.Statistics.Changes += call.Keys.Count;
        call.Keys.Clear();
        call.Reply.Ok();
    }

    /// <summary>Removes a key and tells its watchers; false where there was none.</summary>
    public static bool Remove(in Call call, ReadOnlySpan<byte> key)
    {
        var mutation = default(RemoveMutation);
        call.Keys.Mutate(key, ref mutation);
        if (mutation.Found)
        {
            call.Changed(key);
        }

        return mutation.Found;
    }

    public static ReadOnlySpan<byte> TypeName(RecordType type) => type switch
    {
        RecordType.String => "string"u8,
        RecordType.Hash => "hash"u8,
        RecordType.List => "list"u8,
        RecordType.Set => "set"u8,
        RecordType.SortedSet => "zset"u8,
        RecordType.Stream => "stream"u8,
        _ => "none"u8,
    };

    internal struct RemoveMutation : IRecordMutation
    {
        public bool Found { get; private set; }

        public MutationPlan Plan(in RecordView current)
        {
            Found = current.Exists;
            return current.Exists ? MutationPlan.Remove() : MutationPlan.None;
        }

        public readonly void Write(in RecordView current, Span<byte> value)
        {
            // A removal writes nothing.
        }
    }
}
