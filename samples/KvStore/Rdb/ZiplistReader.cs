using System.Buffers.Binary;

namespace KvStore.Rdb;

/// <summary>
/// Goes through a ziplist: its length, where its last element is (4 bytes each) and its number of elements (2 bytes,
/// 65,535 for unknown), then elements, each behind the length of the one before, then 0xFF.
/// </summary>
internal ref struct ZiplistReader : IPackedReader
{
    private const int HeaderLength = (2 * sizeof(uint)) + sizeof(ushort);
    private const byte LongLength = 0xFE;

    private readonly ReadOnlySpan<byte> _bytes;
    private int _at = HeaderLength;
    private int _last = HeaderLength;
    private int _seen;
    private PackedPart _part = new("ziplist");

    public ZiplistReader(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes;
        _part.RequireWhole(bytes, HeaderLength);
    }

    public readonly PackedElement Current => _part.Element;

    public bool MoveNext()
    {
        if (_at == _bytes.Length - 1)
        {
            RequireHeader();
            return false;
        }

        ReadOnlySpan<byte> rest = _bytes[_at..^1];
        int header = rest[0] < LongLength ? 1 : 1 + sizeof(uint);
        if (header >= rest.Length)
        {
            throw new RdbFormatException("A ziplist ends in an element.");
        }

        long before = header == 1 ? rest[0] : BinaryPrimitives.ReadUInt32LittleEndian(rest[1..]);
        if (before != (_seen == 0 ? 0 : _at - _last))
        {
            throw new RdbFormatException("An element of a ziplist does not say how long the one before is.");
        }

        _last = _at;
        _at += header + Read(rest[header..]);
        _seen++;
        return true;
    }

    private readonly void RequireHeader()
    {
        int count = BinaryPrimitives.ReadUInt16LittleEndian(_bytes[(2 * sizeof(uint))..]);
        if ((count != ushort.MaxValue && count != _seen)
            || BinaryPrimitives.ReadUInt32LittleEndian(_bytes[sizeof(uint)..]) != _last)
        {
            throw new RdbFormatException("A ziplist does not have as many elements as it says.");
        }
    }

    /// <summary>Reads an element; its bytes.</summary>
    private int Read(ReadOnlySpan<byte> rest)
    {
        byte first = rest[0];
        switch (first)
        {
            case < 0x40:
                return _part.TakeBytes(rest, 1, first);
            case < 0x80:
                return _part.TakeBytes(rest, 2, ((first & 0x3F) << 8) | _part.At(rest, 1));
            case 0x80:
                uint length = BinaryPrimitives.ReverseEndianness((uint)_part.Little(rest, sizeof(uint)));
                return _part.TakeBytes(rest, 5, length);
            case 0xC0:
                return _part.TakeNumber(rest, 2);
            case 0xD0:
                return _part.TakeNumber(rest, 4);
            case 0xE0:
                return _part.TakeNumber(rest, 8);
            case 0xF0:
                return _part.TakeNumber(rest, 3);
            case 0xFE:
                return _part.TakeNumber(rest, 1);
            case > 0xF0 and < 0xFE:
                return _part.Take((first & 0x0F) - 1, 1);
            default:
                throw new RdbFormatException("An element of a ziplist begins with a byte that is not known.");
        }
    }
}
