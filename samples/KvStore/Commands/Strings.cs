using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>GET and what reads or replaces whole values.</summary>
internal static class Strings
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("string",
    [
        new("get", 2, ReadOnly | Fast, KeySpec.One, Get)
            { Since = "1.0.0", Summary = "Get the value of a key" },
        new("getdel", 2, Write | Fast, KeySpec.One, GetDel)
            { KeyAccess = KeyAccess.ReadWrite, Since = "6.2.0", Summary = "Get the value of a key and delete the key" },
        new("mget", -2, ReadOnly | Fast, KeySpec.Every, MGet)
            { Since = "1.0.0", Summary = "Get the values of all the given keys" },
        new("mset", -3, Write | DenyOom, KeySpec.Pairs, MSet)
            { Event = "set", Since = "1.0.1", Summary = "Set multiple keys to multiple values" },
        new("msetnx", -3, Write | DenyOom, KeySpec.Pairs, MSetNx)
        {
            Event = "set",
            Since = "1.0.1",
            Summary = "Set multiple keys to multiple values, only if none of the keys exist",
        },
        new("append", 3, Write | DenyOom | Fast, KeySpec.One, Append)
            { Since = "2.0.0", Summary = "Append a value to a key" },
        new("strlen", 2, ReadOnly | Fast, KeySpec.One, StrLen)
            { KeyAccess = KeyAccess.Exists, Since = "2.2.0", Summary = "Get the length of the value stored in a key" },
    ]);

    public static void Get(in Call call)
    {
        var reader = new ValueReader(call.Reply, call.Engine.Keyspace);
        bool found = call.Keys.TryRead(call.Key, ref reader);
        call.Looked(found);
        if (!found)
        {
            call.Reply.Null();
        }
    }

    public static void StrLen(in Call call)
    {
        var facts = default(FactsReader);
        bool found = call.Keys.TryRead(call.Key, ref facts);
        call.Looked(found);
        if (found && facts.Type != RecordType.String)
        {
            call.Reply.Error(Errors.WrongType);
            return;
        }

        call.Reply.Integer(found ? facts.LengthIn(call.Engine.Keyspace.Nested) : 0);
    }

    public static void MGet(in Call call)
    {
        call.Reply.Array(call.Args.Count - 1);
        var batch = new MGetReader(call);
        call.Keys.ReadMany(ref batch);
    }

    public static void MSet(in Call call)
    {
        if (call.Args.Count % 2 == 0)
        {
            call.Reply.Error(Errors.Arity(call.Command.Name));
            return;
        }

        SetAll(call);
        call.Reply.Ok();
    }

    public static void MSetNx(in Call call)
    {
        if (call.Args.Count % 2 == 0)
        {
            call.Reply.Error(Errors.Arity(call.Command.Name));
            return;
        }

        for (int i = 1; i < call.Args.Count; i += 2)
        {
            var facts = default(FactsReader);
            if (call.Keys.TryRead(call.Args[i], ref facts))
            {
                call.Reply.Integer(0);
                return;
            }
        }

        SetAll(call);
        call.Reply.Integer(1);
    }

    public static void GetDel(in Call call)
    {
        var mutation = new GetDelMutation(call.Reply, call.Engine.Keyspace);
        call.Keys.Mutate(call.Key, ref mutation);
        if (mutation.Chunks != 0)
        {
            call.Engine.Keyspace.OpenNested().BeforeDrop(mutation.Chunks);
            mutation.MayDrop = true;
            call.Keys.Mutate(call.Key, ref mutation);
        }

        call.Looked(mutation.Found);
        if (mutation.Removed)
        {
            call.Changed(call.Key, KeyEvents.Generic, "del");
        }
    }

    public static void Append(in Call call)
    {
        Keyspace keyspace = call.Engine.Keyspace;
        var mutation = new AppendMutation(call.Args[2], keyspace, call.Engine.Options.Protocol.MaxBulkLength);
        call.Keys.Mutate(call.Key, ref mutation);
        if (mutation.Error.Length > 0)
        {
            call.Reply.Error(mutation.Error);
            return;
        }

        if (mutation.IsLarge)
        {
            LargeString.Write(keyspace, call.Key, mutation.Length - call.Args[2].Length, call.Args[2]);
        }

        call.Changed(call.Key);
        call.Reply.Integer(mutation.Length);
    }

    /// <summary>All pairs or none, over a crash as well.</summary>
    private static void SetAll(in Call call)
    {
        AtomicScope atomic = call.Engine.BeginAtomic(call.Args.Count > 3 ? call.Args.Count / 2 : 0);
        try
        {
            for (int i = 1; i < call.Args.Count; i += 2)
            {
                var mutation = new SetMutation(call.Args[i + 1]);
                SetMutation.Run(call, call.Args[i], ref mutation);
            }

            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }

        for (int i = 1; i < call.Args.Count; i += 2)
        {
            call.Changed(call.Args[i]);
        }
    }

    private ref struct MGetReader(Call call) : IBatchReader
    {
        private readonly Call _call = call;
        private int _last = -1;
        private long _start;

        public readonly int Count => _call.Args.Count - 1;

        public readonly ReadOnlySpan<byte> KeyAt(int index) => _call.Args[index + 1];

        public void Read(int index, in RecordView record)
        {
            RespWriter reply = _call.Reply;
            if (index == _last && !reply.Rewind(_start))
            {
                throw new InvalidOperationException("A record changed under the engine's gate.");
            }

            _last = index;
            _start = reply.Position;
            _call.Looked(record.Exists, KeyAt(index));
            if (record.Exists && !StringValue.IsWrong(record))
            {
                StringValue.Reply(reply, record, _call.Engine.Keyspace);
            }
            else
            {
                reply.Null();
            }
        }
    }

    private struct GetDelMutation(RespWriter reply, Keyspace keyspace) : IRecordMutation
    {
        public bool Found { get; private set; }

        public bool Removed { get; private set; }

        /// <summary>The number of a large string's chunks, which may not be dropped yet; 0 for none.</summary>
        public long Chunks { get; private set; }

        /// <summary>True where they may go: it is noted that they do.</summary>
        public bool MayDrop { get; set; }

        public RecordChange Decide(in RecordView current)
        {
            Found = current.Exists;
            if (!current.Exists)
            {
                reply.Null();
                return RecordChange.None;
            }

            if (StringValue.IsWrong(current))
            {
                reply.Error(Errors.WrongType);
                return RecordChange.None;
            }

            if (!MayDrop && NestedCollections.TryGetReference(current, out long id))
            {
                Chunks = id;
                return RecordChange.None;
            }

            StringValue.Reply(reply, current, keyspace);
            Removed = true;
            return RecordChange.Remove();
        }

        public readonly void Write(in RecordView current, Span<byte> value)
        {
            // A removal writes nothing.
        }
    }

    private ref struct AppendMutation(ReadOnlySpan<byte> tail, Keyspace keyspace, long limit)
        : IRecordMutation
    {
        private readonly ReadOnlySpan<byte> _tail = tail;

        public ReadOnlySpan<byte> Error { get; private set; }

        public long Length { get; private set; }

        /// <summary>True where the change is one of chunks, and not made yet.</summary>
        public bool IsLarge { get; private set; }

        public RecordChange Decide(in RecordView current)
        {
            if (StringValue.IsWrong(current))
            {
                Error = Errors.WrongType;
                return RecordChange.None;
            }

            Length = StringValue.LengthOf(current, keyspace) + _tail.Length;
            if (current.Exists && Length > Math.Min(limit, PersistentDictionary.MaximumValueLength))
            {
                Error = Errors.TooLong;
                return RecordChange.None;
            }

            IsLarge = LargeString.IsOne(current, Length);
            return IsLarge ? RecordChange.None : RecordChange.Put((int)Length, current.ExpiresAt);
        }

        public readonly void Write(in RecordView current, Span<byte> value)
        {
            StringValue.CopyWhole(current, value);
            _tail.CopyTo(value[^_tail.Length..]);
        }
    }
}
