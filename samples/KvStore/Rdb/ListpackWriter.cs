using System.Buffers.Binary;
using KvStore.Memory;
using KvStore.Protocol;

namespace KvStore.Rdb;

/// <summary>Makes listpacks, one after the other (<see cref="ListpackReader"/> says how they lie).</summary>
internal sealed class ListpackWriter : IDisposable
{
    private readonly GrowingBuffer _bytes = new();
    private int _count;

    public void Dispose() => _bytes.Dispose();

    /// <summary>Begins another one.</summary>
    public void Begin()
    {
        _bytes.CutTo(0);
        _bytes.Append(ListpackReader.HeaderLength);
        _count = 0;
    }

    /// <summary>Ends it; its bytes are good until the next one begins.</summary>
    public ReadOnlySpan<byte> End()
    {
        _bytes.Append(1)[0] = PackedPart.End;
        Span<byte> bytes = _bytes.Span;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)bytes.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(
            bytes[sizeof(uint)..], (ushort)Math.Min(_count, ListpackReader.UnknownCount));
        return bytes;
    }

    /// <summary>Adds bytes; the decimal of a number as that number.</summary>
    public void Add(ReadOnlySpan<byte> value)
    {
        if (Numbers.TryParse(value, out long number))
        {
            Add(number);
            return;
        }

        int start = _bytes.Length;
        if (value.Length < 1 << 6)
        {
            Byte(0x80 | value.Length);
        }
        else if (value.Length < 1 << 12)
        {
            Byte(0xE0 | (value.Length >> 8));
            Byte(value.Length);
        }
        else
        {
            Byte(0xF0);
            BinaryPrimitives.WriteInt32LittleEndian(_bytes.Append(sizeof(int)), value.Length);
        }

        value.CopyTo(_bytes.Append(value.Length));
        AddLength(_bytes.Length - start);
    }

    public void Add(long number)
    {
        int start = _bytes.Length;
        if (number is >= 0 and < 1 << 7)
        {
            Byte((int)number);
        }
        else if (number is >= -(1 << 12) and < 1 << 12)
        {
            Byte(0xC0 | ((int)(number >> 8) & 0x1F));
            Byte((int)number);
        }
        else
        {
            int width = WidthOf(number);
            Byte(width == sizeof(long) ? 0xF4 : 0xEF + width);
            for (int i = 0; i < width; i++)
            {
                Byte((int)(number >> (8 * i)));
            }
        }

        AddLength(_bytes.Length - start);
    }

    private static int WidthOf(long number)
    {
        int width = 2;
        while (width < 4 && number >> ((8 * width) - 1) is not (0 or -1))
        {
            width++;
        }

        return number >> ((8 * width) - 1) is 0 or -1 ? width : sizeof(long);
    }

    private void AddLength(int length)
    {
        Span<byte> behind = _bytes.Append(ListpackReader.BytesOfLength(length));
        for (int i = behind.Length - 1; i >= 0; i--, length >>= 7)
        {
            behind[i] = (byte)((length & 0x7F) | (i > 0 ? 0x80 : 0));
        }

        _count++;
    }

    private void Byte(int value) => _bytes.Append(1)[0] = (byte)value;
}
