using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>BITOP and BITPOS: strings as rows of bits.</summary>
internal static class BitStrings
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("bitmap",
    [
        new("bitop", -4, Write | DenyOom, new KeySpec(2, -1, 1), BitOp)
        {
            KeyAccess = KeyAccess.Write,
            SecondKeyAccess = KeyAccess.Read,
            Since = "2.6.0",
            Summary = "Perform bitwise operations between strings",
        },
        new("bitpos", -3, ReadOnly, KeySpec.One, BitPos)
            { Since = "2.8.7", Summary = "Find first bit set or clear in a string" },
    ]);

    private const int FirstSource = 3;

    public static void BitOp(in Call call)
    {
        Func<byte, byte, byte>? operation =
            call.Args.Is(1, "and"u8) ? static (a, b) => (byte)(a & b)
            : call.Args.Is(1, "or"u8) ? static (a, b) => (byte)(a | b)
            : call.Args.Is(1, "xor"u8) ? static (a, b) => (byte)(a ^ b)
            : call.Args.Is(1, "not"u8) ? static (a, _) => (byte)~a
            : null;
        if (operation is null)
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        bool isNot = call.Args.Is(1, "not"u8);
        if (isNot && call.Args.Count != FirstSource + 1)
        {
            call.Reply.Error("ERR BITOP NOT must be called with a single source key."u8);
            return;
        }

        byte[][] sources = new byte[call.Args.Count - FirstSource][];
        for (int i = 0; i < sources.Length; i++)
        {
            if (!TryRead(call, call.Args[FirstSource + i], out sources[i]!))
            {
                return;
            }
        }

        byte[] result = new byte[sources.Max(source => source.Length)];
        sources[0].CopyTo(result, 0);
        foreach (byte[] source in isNot ? sources : sources[1..])
        {
            for (int i = 0; i < result.Length; i++)
            {
                result[i] = operation(result[i], i < source.Length ? source[i] : (byte)0);
            }
        }

        Store(call, call.Args[2], result);
    }

    public static void BitPos(in Call call)
    {
        if (!call.TryInteger(2, out long bit))
        {
            return;
        }

        if (bit is not (0 or 1))
        {
            call.Reply.Error("ERR The bit argument must be 1 or 0."u8);
            return;
        }

        var facts = default(FactsReader);
        bool found = call.Keys.TryRead(call.Key, ref facts);
        call.Looked(found);
        if (!found)
        {
            call.Reply.Integer(bit == 1 ? -1 : 0);
            return;
        }

        if (facts.Type != RecordType.String)
        {
            call.Reply.Error(Errors.WrongType);
            return;
        }

        if (!TryRange(call, out long start, out long end, out bool inBits))
        {
            return;
        }

        var reader = new PositionReader(call.Engine.Keyspace, bit == 1, start, end, inBits);
        call.Keys.TryRead(call.Key, ref reader);

        // Behind the end all are 0, unless the end was given.
        bool behind = reader.IsInside && reader.Position < 0 && bit == 0 && call.Args.Count <= 4;
        call.Reply.Integer(behind ? reader.Length * 8 : reader.Position);
    }

    private static bool TryRange(in Call call, out long start, out long end, out bool inBits)
    {
        start = 0;
        end = -1;
        inBits = call.Args.Count == 6 && call.Args.Is(5, "bit"u8);
        if (call.Args.Count > 6)
        {
            call.Reply.Error(Errors.Syntax);
            return false;
        }

        if (call.Args.Count > 3 && !call.TryInteger(3, out start))
        {
            return false;
        }

        if (call.Args.Count == 6 && !inBits && !call.Args.Is(5, "byte"u8))
        {
            call.Reply.Error(Errors.Syntax);
            return false;
        }

        return call.Args.Count <= 4 || call.TryInteger(4, out end);
    }

    private static long Find(in StringValue value, bool bit, long start, long end)
    {
        long before = (start >> 3) * 8;
        StringPieces pieces = value.Pieces(start >> 3, (end >> 3) - (start >> 3) + 1);
        while (pieces.MoveNext())
        {
            long last = Math.Min(end - before, (pieces.Current.Length * 8L) - 1);
            long position = Find(pieces.Current, bit, Math.Max(0, start - before), last);
            if (position >= 0)
            {
                return before + position;
            }

            before += pieces.Current.Length * 8L;
        }

        return -1;
    }

    private static long Find(ReadOnlySpan<byte> value, bool bit, long start, long end)
    {
        byte skipped = bit ? (byte)0 : (byte)0xFF;
        for (long i = start; i <= end;)
        {
            if ((i & 7) == 0 && value[(int)(i >> 3)] == skipped)
            {
                int next = value[(int)(i >> 3)..].IndexOfAnyExcept(skipped);
                i = next < 0 ? end + 1 : i + (next * 8L);
                continue;
            }

            if ((value[(int)(i >> 3)] >> (int)(7 - (i & 7)) & 1) == (bit ? 1 : 0))
            {
                return i;
            }

            i++;
        }

        return -1;
    }

    private static void Store(in Call call, ReadOnlySpan<byte> key, byte[] result)
    {
        if (result.Length > 0)
        {
            var put = new SetMutation(result);
            SetMutation.Run(call, key, ref put);
            call.Changed(key, KeyEvents.String, "set");
        }
        else if (Keys.Remove(call.Engine.Databases.Selected, key, out _))
        {
            call.Changed(key, KeyEvents.Generic, "del");
        }

        call.Reply.Integer(result.Length);
    }

    /// <summary>A string's bytes, none where there is none; replies where it is of another type.</summary>
    private static bool TryRead(in Call call, ReadOnlySpan<byte> key, out byte[]? value)
    {
        var reader = new Reader(call.Engine.Keyspace);
        bool found = call.Keys.TryRead(key, ref reader);
        call.Looked(found, key);
        value = found ? reader.Value : [];
        if (value is null)
        {
            call.Reply.Error(Errors.WrongType);
        }

        return value is not null;
    }

    private struct PositionReader(Keyspace keyspace, bool bit, long start, long end, bool inBits) : IRecordReader
    {
        public long Length { get; private set; }

        /// <summary>True where the range has anything of the string.</summary>
        public bool IsInside { get; private set; }

        /// <summary>Which bit; -1 for none.</summary>
        public long Position { get; private set; }

        public void Read(in RecordView record)
        {
            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            StringValue value = StringValue.Of(record, keyspace, scratch);
            (long from, long to) = (start, end);
            Length = value.Length;
            IsInside = Ranges.TryClamp(ref from, ref to, inBits ? Length * 8 : Length);
            Position = IsInside ? Find(value, bit, inBits ? from : from * 8, inBits ? to : (to * 8) + 7) : -1;
        }
    }

    private struct Reader(Keyspace keyspace) : IRecordReader
    {
        /// <summary>Null where it is no string.</summary>
        public byte[]? Value { get; private set; }

        public void Read(in RecordView record)
        {
            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            Value = StringValue.IsWrong(record) ? null : StringValue.Of(record, keyspace, scratch).ToArray();
        }
    }
}
