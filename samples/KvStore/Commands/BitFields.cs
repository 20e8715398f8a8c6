using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>BITFIELD and BITFIELD_RO: a string as integers of any width.</summary>
internal static class BitFields
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("bitmap",
    [
        new("bitfield", -2, Write | DenyOom, KeySpec.One, BitField)
        {
            AccessOf = static args => OnlyReads(args) ? KeyAccess.Read : KeyAccess.ReadWrite,
            Since = "3.2.0",
            Summary = "Perform arbitrary bitfield integer operations on strings",
        },
        new("bitfield_ro", -2, ReadOnly | Fast, KeySpec.One, BitField)
        {
            Since = "6.0.0",
            Summary = "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD",
        },
    ]);

    private const int FirstOperation = 2;

    public static void BitField(in Call call)
    {
        if (!TryParse(call, out List<BitFieldOperation> operations))
        {
            return;
        }

        bool writes = operations.Exists(static it => it.Kind != BitFieldKind.Get);
        if (writes && !call.Command.Has(Write))
        {
            call.Reply.Error("ERR BITFIELD_RO only supports the GET subcommand"u8);
            return;
        }

        var results = new long?[operations.Count];
        bool isString = writes ? Change(call, operations, results) : Read(call, operations, results);
        if (!isString)
        {
            call.Reply.Error(Errors.WrongType);
            return;
        }

        bool changed = false;
        call.Reply.Array(results.Length);
        for (int i = 0; i < results.Length; i++)
        {
            changed |= results[i] is not null && operations[i].Kind != BitFieldKind.Get;
            if (results[i] is { } result)
            {
                call.Reply.Integer(result);
            }
            else
            {
                call.Reply.Null();
            }
        }

        if (changed)
        {
            call.Changed(call.Key, KeyEvents.String, "setbit");
        }
    }

    private static bool OnlyReads(Arguments args)
    {
        for (int i = FirstOperation; i < args.Count; i++)
        {
            if (args.Is(i, "set"u8) || args.Is(i, "incrby"u8))
            {
                return false;
            }
        }

        return true;
    }

    private static bool Read(in Call call, List<BitFieldOperation> operations, long?[] results)
    {
        var reader = new Reader(call.Engine.Keyspace, operations, results);
        bool found = call.Keys.TryRead(call.Key, ref reader);
        call.Looked(found);
        if (!found)
        {
            Array.Fill(results, 0);
        }

        return !reader.IsWrong;
    }

    private static bool Change(in Call call, List<BitFieldOperation> operations, long?[] results)
    {
        Keyspace keyspace = call.Engine.Keyspace;
        var mutation = new Mutation(keyspace, operations, results);
        call.Keys.Mutate(call.Key, ref mutation);
        if (mutation.IsLarge)
        {
            var pages = new BitFieldPages(keyspace, call.Key.ToArray());
            for (int i = 0; i < results.Length; i++)
            {
                results[i] = pages.Run(operations[i]);
            }

            LargeString.Write(keyspace, call.Key, pages.Parts(mutation.Length));
        }

        return !mutation.IsWrong;
    }

    private static bool TryParse(in Call call, out List<BitFieldOperation> operations)
    {
        operations = [];
        BitFieldOverflow overflow = BitFieldOverflow.Wrap;
        for (int i = FirstOperation; i < call.Args.Count;)
        {
            int left = call.Args.Count - i - 1;
            if (call.Args.Is(i, "overflow"u8) && left >= 1)
            {
                if (!TryOverflow(call, i + 1, ref overflow))
                {
                    return false;
                }

                i += 2;
                continue;
            }

            BitFieldKind? kind =
                call.Args.Is(i, "get"u8) && left >= 2 ? BitFieldKind.Get
                : call.Args.Is(i, "set"u8) && left >= 3 ? BitFieldKind.Set
                : call.Args.Is(i, "incrby"u8) && left >= 3 ? BitFieldKind.Increment
                : null;
            if (kind is null)
            {
                call.Reply.Error(Errors.Syntax);
                return false;
            }

            long by = 0;
            if (!TryField(call, i + 1, kind != BitFieldKind.Get, out BitFieldOperation field)
                || (kind != BitFieldKind.Get && !call.TryInteger(i + 3, out by)))
            {
                return false;
            }

            operations.Add(field with { Kind = kind.Value, Operand = by, Overflow = overflow });
            i += kind == BitFieldKind.Get ? 3 : 4;
        }

        return true;
    }

    private static bool TryOverflow(in Call call, int at, ref BitFieldOverflow overflow)
    {
        bool saturates = call.Args.Is(at, "sat"u8);
        bool fails = call.Args.Is(at, "fail"u8);
        overflow = saturates ? BitFieldOverflow.Saturate : fails ? BitFieldOverflow.Fail : BitFieldOverflow.Wrap;
        if (saturates || fails || call.Args.Is(at, "wrap"u8))
        {
            return true;
        }

        call.Reply.Error("ERR Invalid OVERFLOW type specified"u8);
        return false;
    }

    /// <summary>Reads a type and an offset, or replies what is wrong with them.</summary>
    private static bool TryField(in Call call, int at, bool writes, out BitFieldOperation field)
    {
        field = default;
        ReadOnlySpan<byte> type = call.Args[at];
        bool isSigned = !type.IsEmpty && type[0] == 'i';
        if (type.IsEmpty || (!isSigned && type[0] != 'u') || !Numbers.TryParse(type[1..], out long bits)
            || bits < 1 || bits > (isSigned ? 64 : 63))
        {
            call.Reply.Error("ERR Invalid bitfield type. Use something like i16 u8. "u8
                + "Note that u64 is not supported but i64 is."u8);
            return false;
        }

        ReadOnlySpan<byte> place = call.Args[at + 1];
        bool counts = !place.IsEmpty && place[0] == '#';
        long limit = Math.Min(call.Engine.Options.Protocol.MaxBulkLength, PersistentDictionary.MaximumValueLength);
        bool isNumber = Numbers.TryParse(counts ? place[1..] : place, out long number);
        Int128 offset = isNumber ? (Int128)number * (counts ? bits : 1) : -1;
        Int128 last = (offset + bits - 1) >> 3;
        if (offset < 0 || offset >> 3 >= limit || (writes && last >= PersistentDictionary.MaximumValueLength))
        {
            call.Reply.Error("ERR bit offset is not an integer or out of range"u8);
            return false;
        }

        field = new BitFieldOperation { Offset = (long)offset, Bits = (int)bits, IsSigned = isSigned };
        return true;
    }

    private struct Reader(Keyspace keyspace, List<BitFieldOperation> operations, long?[] results) : IRecordReader
    {
        public bool IsWrong { get; private set; }

        public void Read(in RecordView record)
        {
            IsWrong = StringValue.IsWrong(record);
            if (IsWrong)
            {
                return;
            }

            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            Span<byte> window = stackalloc byte[BitFieldOperation.MostBytes];
            StringValue value = StringValue.Of(record, keyspace, scratch);
            for (int i = 0; i < results.Length; i++)
            {
                BitFieldOperation operation = operations[i];
                value.CopyTo(operation.Offset >> 3, window);
                results[i] = (operation with { Offset = operation.Offset & 7 }).Read(window);
            }
        }
    }

    private struct Mutation(Keyspace keyspace, List<BitFieldOperation> operations, long?[] results)
        : IRecordMutation
    {
        public bool IsWrong { get; private set; }

        /// <summary>True where the change is one of chunks, and not made yet.</summary>
        public bool IsLarge { get; private set; }

        public long Length { get; private set; }

        public RecordChange Decide(in RecordView current)
        {
            IsWrong = StringValue.IsWrong(current);
            if (IsWrong)
            {
                return RecordChange.None;
            }

            // Room for all that is written, also where it fails then: so does redis.
            long last = operations.Max(static it => it.Kind == BitFieldKind.Get ? -1 : it.LastBit);
            Length = Math.Max(StringValue.LengthOf(current, keyspace), (last >> 3) + 1);
            IsLarge = LargeString.IsOne(current, Length);
            return IsLarge ? RecordChange.None : RecordChange.Put((int)Length, current.ExpiresAt);
        }

        public readonly void Write(in RecordView current, Span<byte> value)
        {
            StringValue.CopyWhole(current, value);
            for (int i = 0; i < results.Length; i++)
            {
                results[i] = operations[i].Run(value);
            }
        }
    }
}
