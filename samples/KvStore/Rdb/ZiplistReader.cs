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
    private const byte End = 0xFF;

    private readonly ReadOnlySpan<byte> _bytes;
    private int _at = HeaderLength;
    private int _last = HeaderLength;
    private int _seen;
    private PackedElement _current;

    public ZiplistReader(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes;
        if (bytes.Length <= HeaderLength || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != bytes.Length
            || bytes[^1] != End)
        {
            throw new RdbFormatException("A ziplist does not have the length that it says.");
        }
    }

    public readonly PackedElement Current => _current;

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
                return Bytes(rest, 1, first);
            case < 0x80:
                return Bytes(rest, 2, ((first & 0x3F) << 8) | At(rest, 1));
            case 0x80:
                long length = ((long)At(rest, 1) << 24) | ((long)At(rest, 2) << 16) | ((long)At(rest, 3) << 8)
                    | At(rest, 4);
                return Bytes(rest, 5, length);
            case 0xC0:
                return Number(rest, 2);
            case 0xD0:
                return Number(rest, 4);
            case 0xE0:
                return Number(rest, 8);
            case 0xF0:
                return Number(rest, 3);
            case 0xFE:
                return Number(rest, 1);
            case > 0xF0 and < 0xFE:
                _current = new PackedElement((first & 0x0F) - 1);
                return 1;
            default:
                throw new RdbFormatException("An element of a ziplist begins with a byte that is not known.");
        }
    }

    private static byte At(ReadOnlySpan<byte> rest, int index) =>
        index < rest.Length ? rest[index] : throw new RdbFormatException("A ziplist ends in an element.");

    private int Number(ReadOnlySpan<byte> rest, int width)
    {
        ulong value = 0;
        for (int i = 0; i < width; i++)
        {
            value |= (ulong)At(rest, i + 1) << (8 * i);
        }

        int unused = 64 - (8 * width);
        _current = new PackedElement(((long)value << unused) >> unused);
        return 1 + width;
    }

    private int Bytes(ReadOnlySpan<byte> rest, int header, long length)
    {
        if (header > rest.Length || length > rest.Length - header)
        {
            throw new RdbFormatException("An element of a ziplist is longer than what is there.");
        }

        _current = new PackedElement(rest.Slice(header, (int)length));
        return header + (int)length;
    }
}
