using System.Numerics;
using System.Runtime.InteropServices;
using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>SETBIT, GETBIT, BITCOUNT. Bit 0 is the highest of the first byte.</summary>
internal static class Bits
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("bitmap",
    [
        new("setbit", 4, Write | DenyOom, KeySpec.One, SetBit)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "2.2.0",
            Summary = "Sets or clears the bit at offset in the string value stored at key",
        },
        new("getbit", 3, ReadOnly | Fast, KeySpec.One, GetBit)
            { Since = "2.2.0", Summary = "Returns the bit value at offset in the string value stored at key" },
        new("bitcount", -2, ReadOnly, KeySpec.One, BitCount)
            { Since = "2.6.0", Summary = "Count set bits in a string" },
    ]);

    public static void SetBit(in Call call)
    {
        if (!TryOffset(call, out long offset))
        {
            return;
        }

        if (!Numbers.TryParse(call.Args[3], out long bit) || bit is not (0 or 1))
        {
            call.Reply.Error("ERR bit is not an integer or out of range"u8);
            return;
        }

        Keyspace keyspace = call.Engine.Keyspace;
        var mutation = new SetBitMutation(keyspace, offset, bit == 1);
        call.Keys.Mutate(call.Key, ref mutation);
        if (mutation.WrongType)
        {
            call.Reply.Error(Errors.WrongType);
            return;
        }

        if (mutation.IsLarge)
        {
            LargeString.Write(keyspace, call.Key, offset >> 3, [mutation.NewByte]);
        }

        call.Changed(call.Key);
        call.Reply.Integer(mutation.Old ? 1 : 0);
    }

    public static void GetBit(in Call call)
    {
        if (!TryOffset(call, out long offset))
        {
            return;
        }

        var reader = new BitReader(call.Engine.Keyspace, offset);
        call.Looked(call.Keys.TryRead(call.Key, ref reader));
        if (reader.WrongType)
        {
            call.Reply.Error(Errors.WrongType);
            return;
        }

        call.Reply.Integer(reader.Bit ? 1 : 0);
    }

    public static void BitCount(in Call call)
    {
        // As 8.0 has it: what is wrong with the arguments is said before the key is looked at.
        if (!TryCountRange(call, out long start, out long end, out bool inBits))
        {
            return;
        }

        var facts = default(FactsReader);
        bool found = call.Keys.TryRead(call.Key, ref facts);
        call.Looked(found);
        if (!found)
        {
            call.Reply.Integer(0);
            return;
        }

        if (facts.Type != RecordType.String)
        {
            call.Reply.Error(Errors.WrongType);
            return;
        }

        var reader = new CountReader(call.Engine.Keyspace, start, end, inBits);
        call.Keys.TryRead(call.Key, ref reader);
        call.Reply.Integer(reader.Count);
    }

    /// <summary>All of the value, or from start to end in bytes or bits; replies what is wrong.</summary>
    private static bool TryCountRange(in Call call, out long start, out long end, out bool inBits)
    {
        start = 0;
        end = -1;
        inBits = false;
        if (call.Args.Count == 2)
        {
            return true;
        }

        if (call.Args.Count is not (4 or 5))
        {
            call.Reply.Error(Errors.Syntax);
            return false;
        }

        if (!call.TryInteger(2, out start) || !call.TryInteger(3, out end))
        {
            return false;
        }

        inBits = call.Args.Count == 5 && call.Args.Is(4, "bit"u8);
        if (call.Args.Count == 4 || inBits || call.Args.Is(4, "byte"u8))
        {
            return true;
        }

        call.Reply.Error(Errors.Syntax);
        return false;
    }

    private static bool TryOffset(in Call call, out long offset)
    {
        long limit = Math.Min(call.Engine.Options.Protocol.MaxBulkLength, PersistentDictionary.MaximumValueLength);
        if (Numbers.TryParse(call.Args[2], out offset) && offset >= 0 && offset >> 3 < limit)
        {
            return true;
        }

        call.Reply.Error("ERR bit offset is not an integer or out of range"u8);
        return false;
    }

    private struct SetBitMutation(Keyspace keyspace, long offset, bool bit) : IRecordMutation
    {
        public bool WrongType { get; private set; }

        public bool Old { get; private set; }

        /// <summary>True where the change is one of chunks, and not made yet.</summary>
        public bool IsLarge { get; private set; }

        /// <summary>The byte with the bit as it will be.</summary>
        public byte NewByte { get; private set; }

        public RecordChange Decide(in RecordView current)
        {
            if (StringValue.IsWrong(current))
            {
                WrongType = true;
                return RecordChange.None;
            }

            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            StringValue value = StringValue.Of(current, keyspace, scratch);
            Span<byte> old = stackalloc byte[1];
            value.CopyTo(offset >> 3, old);
            Old = (old[0] & Mask) != 0;
            NewByte = (byte)(bit ? old[0] | Mask : old[0] & ~Mask);
            long length = Math.Max(value.Length, (offset >> 3) + 1);
            IsLarge = LargeString.IsOne(current, length);
            return IsLarge ? RecordChange.None : RecordChange.Put((int)length, current.ExpiresAt);
        }

        public readonly void Write(in RecordView current, Span<byte> value)
        {
            StringValue.CopyWhole(current, value);
            value[(int)(offset >> 3)] = NewByte;
        }

        private readonly int Mask => 0x80 >> (int)(offset & 7);
    }

    private struct BitReader(Keyspace keyspace, long offset) : IRecordReader
    {
        public bool WrongType { get; private set; }

        public bool Bit { get; private set; }

        public void Read(in RecordView record)
        {
            WrongType = StringValue.IsWrong(record);
            if (WrongType)
            {
                return;
            }

            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            Span<byte> there = stackalloc byte[1];
            StringValue.Of(record, keyspace, scratch).CopyTo(offset >> 3, there);
            Bit = (there[0] & (0x80 >> (int)(offset & 7))) != 0;
        }
    }

    private struct CountReader(Keyspace keyspace, long start, long end, bool inBits) : IRecordReader
    {
        public long Count { get; private set; }

        public void Read(in RecordView record)
        {
            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            StringValue value = StringValue.Of(record, keyspace, scratch);
            long from = start;
            long to = end;
            Count = 0;
            if (!Ranges.TryClamp(ref from, ref to, inBits ? value.Length * 8L : value.Length))
            {
                return;
            }

            if (!inBits)
            {
                Count = Ones(value, from, to);
                return;
            }

            // Whole bytes, less the bits before the first and behind the last.
            Span<byte> ends = stackalloc byte[2];
            value.CopyTo(from >> 3, ends[..1]);
            value.CopyTo(to >> 3, ends[1..]);
            Count = Ones(value, from >> 3, to >> 3)
                - BitOperations.PopCount((uint)ends[0] >> (int)(8 - (from & 7)))
                - BitOperations.PopCount((uint)ends[1] & ((1u << (int)(7 - (to & 7))) - 1));
        }

        private static long Ones(in StringValue value, long first, long last)
        {
            long count = 0;
            StringPieces pieces = value.Pieces(first, last - first + 1);
            while (pieces.MoveNext())
            {
                count += Ones(pieces.Current);
            }

            return count;
        }

        private static long Ones(ReadOnlySpan<byte> bytes)
        {
            long count = 0;
            ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
            foreach (ulong word in words)
            {
                count += BitOperations.PopCount(word);
            }

            foreach (byte b in bytes[(words.Length * sizeof(ulong))..])
            {
                count += BitOperations.PopCount(b);
            }

            return count;
        }
    }
}
