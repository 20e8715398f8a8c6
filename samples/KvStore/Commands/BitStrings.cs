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

        if (!TryRead(call, call.Key, out byte[]? value, out bool found))
        {
            return;
        }

        if (!found)
        {
            call.Reply.Integer(bit == 1 ? -1 : 0);
            return;
        }

        if (!TryRange(call, out long start, out long end, out bool inBits))
        {
            return;
        }

        bool clamped = Ranges.TryClamp(ref start, ref end, inBits ? value!.Length * 8L : value!.Length);
        long position = clamped ? Find(value, bit == 1, inBits ? start : start * 8, inBits ? end : (end * 8) + 7) : -1;

        // Behind the end all are 0, unless the end was given.
        bool behind = clamped && position < 0 && bit == 0 && call.Args.Count <= 4;
        call.Reply.Integer(behind ? value.Length * 8L : position);
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

    private static bool TryRead(in Call call, ReadOnlySpan<byte> key, out byte[]? value) =>
        TryRead(call, key, out value, out _);

    /// <summary>A string's bytes, none where there is none; replies where it is of another type.</summary>
    private static bool TryRead(in Call call, ReadOnlySpan<byte> key, out byte[]? value, out bool found)
    {
        Reader reader = default;
        found = call.Keys.TryRead(key, ref reader);
        call.Looked(found, key);
        value = found ? reader.Value : [];
        if (value is null)
        {
            call.Reply.Error(Errors.WrongType);
        }

        return value is not null;
    }

    private struct Reader : IRecordReader
    {
        /// <summary>Null where it is no string.</summary>
        public byte[]? Value { get; private set; }

        public void Read(in RecordView record)
        {
            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            Value = RecordText.IsWrong(record) ? null : RecordText.Of(record, scratch).ToArray();
        }
    }
}
