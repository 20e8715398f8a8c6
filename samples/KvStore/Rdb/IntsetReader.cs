using System.Buffers.Binary;

namespace KvStore.Rdb;

/// <summary>
/// Goes through an intset: the width of its numbers and their number (4 bytes each), then the numbers in their order.
/// </summary>
internal ref struct IntsetReader : IPackedReader
{
    private const int HeaderLength = 2 * sizeof(uint);

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly int _width;
    private int _at = HeaderLength;
    private long _number;

    public IntsetReader(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes;
        uint width = bytes.Length < HeaderLength ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (width is not (sizeof(short) or sizeof(int) or sizeof(long))
            || ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(bytes[sizeof(uint)..]) * width) + HeaderLength
                != (ulong)bytes.Length)
        {
            throw new RdbFormatException("An intset does not have the length that it says.");
        }

        _width = (int)width;
    }

    public readonly PackedElement Current => new(_number);

    public bool MoveNext()
    {
        if (_at == _bytes.Length)
        {
            return false;
        }

        ReadOnlySpan<byte> number = _bytes.Slice(_at, _width);
        long next = _width switch
        {
            sizeof(short) => BinaryPrimitives.ReadInt16LittleEndian(number),
            sizeof(int) => BinaryPrimitives.ReadInt32LittleEndian(number),
            _ => BinaryPrimitives.ReadInt64LittleEndian(number),
        };
        if (_at > HeaderLength && next <= _number)
        {
            throw new RdbFormatException("An intset is not in order.");
        }

        _number = next;
        _at += _width;
        return true;
    }
}
