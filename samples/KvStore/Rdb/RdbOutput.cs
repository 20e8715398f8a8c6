using System.Buffers.Binary;
using KvStore.Memory;
using KvStore.Protocol;

namespace KvStore.Rdb;

/// <summary>Writes lengths, numbers and strings as dumps have them.</summary>
internal sealed class RdbOutput(GrowingBuffer bytes)
{
    private const int LongestEncoded = 11;

    /// <summary>What was written.</summary>
    public GrowingBuffer Bytes => bytes;

    public void Byte(byte value) => bytes.Append(1)[0] = value;

    public void Type(RdbType type) => Byte((byte)type);

    public void Raw(ReadOnlySpan<byte> value) => value.CopyTo(bytes.Append(value.Length));

    /// <summary>Eight bytes, the low ones first.</summary>
    public void Int64(long value) => BinaryPrimitives.WriteInt64LittleEndian(bytes.Append(sizeof(long)), value);

    public void Double(double value) => Int64(BitConverter.DoubleToInt64Bits(value));

    /// <summary>A length, or another number that is written as one.</summary>
    public void Length(ulong value)
    {
        if (value < 1 << 6)
        {
            Byte((byte)value);
        }
        else if (value < 1 << 14)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes.Append(sizeof(ushort)), (ushort)(0x4000 | value));
        }
        else if (value <= uint.MaxValue)
        {
            Byte(0x80);
            BinaryPrimitives.WriteUInt32BigEndian(bytes.Append(sizeof(uint)), (uint)value);
        }
        else
        {
            Byte(0x81);
            BinaryPrimitives.WriteUInt64BigEndian(bytes.Append(sizeof(ulong)), value);
        }
    }

    public void Length(long value) => Length((ulong)value);

    /// <summary>A string; the decimal of a small number as that number.</summary>
    public void String(ReadOnlySpan<byte> value)
    {
        if (value.Length <= LongestEncoded && Numbers.TryParse(value, out long number)
            && number is >= int.MinValue and <= int.MaxValue)
        {
            Integer((int)number);
            return;
        }

        Length(value.Length);
        Raw(value);
    }

    private void Integer(int value)
    {
        int width = value is >= sbyte.MinValue and <= sbyte.MaxValue ? 0
            : value is >= short.MinValue and <= short.MaxValue ? 1
            : 2;
        Byte((byte)(0xC0 | width));
        for (int i = 0; i < 1 << width; i++)
        {
            Byte((byte)(value >> (8 * i)));
        }
    }
}
