using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>GETRANGE and SETRANGE.</summary>
internal static class Ranges
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("string",
    [
        new("getrange", 4, ReadOnly, KeySpec.One, GetRange)
            { Since = "2.4.0", Summary = "Get a substring of the string stored at a key" },
        new("substr", 4, ReadOnly, KeySpec.One, GetRange)
            { Since = "1.0.0", Summary = "Get a substring of the string stored at a key" },
        new("setrange", 4, Write | DenyOom, KeySpec.One, SetRange)
            { Since = "2.2.0", Summary = "Overwrite part of a string at key starting at the specified offset" },
    ]);

    public static void GetRange(in Call call)
    {
        if (!call.TryInteger(2, out long start) || !call.TryInteger(3, out long end))
        {
            return;
        }

        var reader = new RangeReader(call.Reply, call.Engine.Keyspace, start, end);
        bool found = call.Keys.TryRead(call.Key, ref reader);
        call.Looked(found);
        if (!found)
        {
            call.Reply.Bulk(default(ReadOnlySpan<byte>));
        }
    }

    public static void SetRange(in Call call)
    {
        if (!call.TryInteger(2, out long offset))
        {
            return;
        }

        if (offset < 0)
        {
            call.Reply.Error("ERR offset is out of range"u8);
            return;
        }

        Keyspace keyspace = call.Engine.Keyspace;
        long limit = Math.Min(call.Engine.Options.Protocol.MaxBulkLength, PersistentDictionary.MaximumValueLength);
        var mutation = new SetRangeMutation(call.Args[3], offset, keyspace, limit);
        call.Keys.Mutate(call.Key, ref mutation);
        if (mutation.Error.Length > 0)
        {
            call.Reply.Error(mutation.Error);
            return;
        }

        if (mutation.IsLarge)
        {
            LargeString.Write(keyspace, call.Key, offset, call.Args[3]);
        }

        if (mutation.Done)
        {
            call.Changed(call.Key);
        }

        call.Reply.Integer(mutation.Length);
    }

    /// <summary>
    /// Redis's inclusive range with ends counted from the back where they are negative; false where it is empty.
    /// </summary>
    public static bool TryClamp(ref long start, ref long end, long length)
    {
        if (start < 0 && end < 0 && start > end)
        {
            return false;
        }

        start = Math.Max(0, start < 0 ? length + start : start);
        end = Math.Max(0, end < 0 ? length + end : end);
        end = Math.Min(end, length - 1);
        return start <= end && length > 0;
    }

    private struct RangeReader(RespWriter reply, Keyspace keyspace, long start, long end) : IRecordReader
    {
        private readonly long _at = reply.Position;

        public readonly void Read(in RecordView record)
        {
            if (reply.Position != _at && !reply.Rewind(_at))
            {
                throw new InvalidOperationException("A record changed under the engine's gate.");
            }

            if (StringValue.IsWrong(record))
            {
                reply.Error(Errors.WrongType);
                return;
            }

            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            StringValue value = StringValue.Of(record, keyspace, scratch);
            long from = start;
            long to = end;
            bool isEmpty = !TryClamp(ref from, ref to, value.Length);
            value.Reply(reply, isEmpty ? 0 : from, isEmpty ? 0 : to - from + 1);
        }
    }

    private ref struct SetRangeMutation(ReadOnlySpan<byte> patch, long offset, Keyspace keyspace, long limit)
        : IRecordMutation
    {
        private readonly ReadOnlySpan<byte> _patch = patch;

        public ReadOnlySpan<byte> Error { get; private set; }

        public long Length { get; private set; }

        public bool Done { get; private set; }

        /// <summary>True where the change is one of chunks, and not made yet.</summary>
        public bool IsLarge { get; private set; }

        public RecordChange Decide(in RecordView current)
        {
            if (StringValue.IsWrong(current))
            {
                Error = Errors.WrongType;
                return RecordChange.None;
            }

            Length = StringValue.LengthOf(current, keyspace);
            if (_patch.Length == 0)
            {
                return RecordChange.None;
            }

            if (offset > limit - _patch.Length)
            {
                Error = Errors.TooLong;
                return RecordChange.None;
            }

            Done = true;
            Length = Math.Max(Length, offset + _patch.Length);
            IsLarge = LargeString.IsOne(current, Length);
            return IsLarge ? RecordChange.None : RecordChange.Put((int)Length, current.ExpiresAt);
        }

        public readonly void Write(in RecordView current, Span<byte> value)
        {
            StringValue.CopyWhole(current, value);
            _patch.CopyTo(value[(int)offset..]);
        }
    }
}
