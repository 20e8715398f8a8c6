using System.Text;
using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>INCR and its family. A counter is one 64-bit word of the record, changed in place.</summary>
internal static class Counters
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("string",
    [
        new("incr", 2, Write | DenyOom | Fast, KeySpec.One, Incr)
        {
            Event = "incrby",
            KeyAccess = KeyAccess.ReadWrite,
            Since = "1.0.0",
            Summary = "Increment the integer value of a key by one",
        },
        new("decr", 2, Write | DenyOom | Fast, KeySpec.One, Decr)
        {
            Event = "incrby",
            KeyAccess = KeyAccess.ReadWrite,
            Since = "1.0.0",
            Summary = "Decrement the integer value of a key by one",
        },
        new("incrby", 3, Write | DenyOom | Fast, KeySpec.One, IncrBy)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "1.0.0",
            Summary = "Increment the integer value of a key by the given amount",
        },
        new("decrby", 3, Write | DenyOom | Fast, KeySpec.One, DecrBy)
        {
            Event = "incrby",
            KeyAccess = KeyAccess.ReadWrite,
            Since = "1.0.0",
            Summary = "Decrement the integer value of a key by the given number",
        },
        new("incrbyfloat", 3, Write | DenyOom | Fast, KeySpec.One, IncrByFloat)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "2.6.0",
            Summary = "Increment the float value of a key by the given amount",
        },
    ]);

    // What is longer is no number, in Redis too, and is not read.
    private const int LongestFloat = (5 * 1024) - 1;

    public static void Incr(in Call call) => Add(call, 1);

    public static void Decr(in Call call) => Add(call, -1);

    public static void IncrBy(in Call call)
    {
        if (call.TryInteger(2, out long by))
        {
            Add(call, by);
        }
    }

    public static void DecrBy(in Call call)
    {
        if (!call.TryInteger(2, out long by))
        {
            return;
        }

        if (by == long.MinValue)
        {
            call.Reply.Error("ERR decrement would overflow"u8);
            return;
        }

        Add(call, -by);
    }

    public static void IncrByFloat(in Call call)
    {
        // The key's own number is looked at before the increment, as in Redis: the first of two errors is the key's.
        var mutation = new AddFloatMutation(call.Engine.Keyspace, call.Args[2]);
        call.Keys.Mutate(call.Key, ref mutation);
        if (mutation.Error.Length > 0)
        {
            call.Reply.Error(mutation.Error);
            return;
        }

        call.Changed(call.Key);
        call.Reply.Bulk(mutation.Result);
    }

    private static void Add(in Call call, long by)
    {
        var mutation = new AddMutation(call.Engine.Keyspace, by);
        call.Keys.Mutate(call.Key, ref mutation);
        if (mutation.Error.Length > 0)
        {
            call.Reply.Error(mutation.Error);
            return;
        }

        call.Changed(call.Key);
        call.Reply.Integer(mutation.Result);
    }

    private ref struct AddMutation(Keyspace keyspace, long by) : IRecordMutation
    {
        public ReadOnlySpan<byte> Error { get; private set; }

        public long Result { get; private set; }

        public RecordChange Decide(in RecordView current)
        {
            if (StringValue.IsWrong(current))
            {
                Error = Errors.WrongType;
                return RecordChange.None;
            }

            long old = 0;
            if (current.IsInteger)
            {
                old = current.Integer;
            }
            else if (current.Exists && !TryParse(current, out old))
            {
                Error = Errors.NotAnInteger;
                return RecordChange.None;
            }

            long sum = unchecked(old + by);
            if (((old ^ sum) & (by ^ sum)) < 0)
            {
                Error = "ERR increment or decrement would overflow"u8;
                return RecordChange.None;
            }

            Result = sum;
            return RecordChange.PutInteger(sum, current.ExpiresAt);
        }

        public readonly void Write(in RecordView current, Span<byte> value)
        {
            // The dictionary stores integers itself.
        }

        private readonly bool TryParse(in RecordView current, out long value)
        {
            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            StringValue text = StringValue.Of(current, keyspace, scratch);
            value = 0;
            return text.Length <= scratch.Length && Numbers.TryParse(text.AsSpan(), out value);
        }
    }

    private ref struct AddFloatMutation(Keyspace keyspace, ReadOnlySpan<byte> by) : IRecordMutation
    {
        private readonly ReadOnlySpan<byte> _by = by;

        public ReadOnlySpan<byte> Error { get; private set; }

        public byte[] Result { get; private set; } = [];

        public RecordChange Decide(in RecordView current)
        {
            if (StringValue.IsWrong(current))
            {
                Error = Errors.WrongType;
                return RecordChange.None;
            }

            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            StringValue text = StringValue.Of(current, keyspace, scratch);
            ExtendedFloat old = default;
            ExtendedFloat increment = default;
            bool isNumber = text.Length <= LongestFloat && _by.Length <= LongestFloat
                && (!current.Exists || ExtendedFloat.TryParse(text.AsSpan(), out old))
                && ExtendedFloat.TryParse(_by, out increment);
            if (!isNumber)
            {
                Error = Errors.NotAFloat;
                return RecordChange.None;
            }

            ExtendedFloat sum = old + increment;
            if (!sum.IsFinite)
            {
                Error = Errors.NotANumber;
                return RecordChange.None;
            }

            Result = Encoding.ASCII.GetBytes(sum.ToString());
            return RecordChange.Put(Result.Length, current.ExpiresAt);
        }

        public readonly void Write(in RecordView current, Span<byte> value) => Result.CopyTo(value);
    }
}
