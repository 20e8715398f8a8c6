using System.Buffers.Binary;

namespace KvStore.Rdb;

/// <summary>
/// Goes through a listpack: its length (4 bytes) and its number of elements (2 bytes, 65,535 for unknown), then
/// elements, each with its own length behind it, then 0xFF.
/// </summary>
internal ref struct ListpackReader : IPackedReader
{
    public const int HeaderLength = sizeof(uint) + sizeof(ushort);
    public const byte End = 0xFF;
    public const ushort UnknownCount = ushort.MaxValue;

    private readonly ReadOnlySpan<byte> _bytes;
    private int _at = HeaderLength;
    private int _seen;
    private PackedElement _current;

    public ListpackReader(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes;
        if (bytes.Length <= HeaderLength || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != bytes.Length
            || bytes[^1] != End)
        {
            throw new RdbFormatException("A listpack does not have the length that it says.");
        }
    }

    public readonly PackedElement Current => _current;

    public bool MoveNext()
    {
        if (_at == _bytes.Length - 1)
        {
            int count = BinaryPrimitives.ReadUInt16LittleEndian(_bytes[sizeof(uint)..]);
            return count == UnknownCount || count == _seen
                ? false
                : throw new RdbFormatException("A listpack does not have as many elements as it says.");
        }

        ReadOnlySpan<byte> rest = _bytes[_at..^1];
        int length = Read(rest);
        if (!EndsWithLength(rest[length..], length, out int behind))
        {
            throw new RdbFormatException("An element of a listpack does not end with its length.");
        }

        _at += length + behind;
        _seen++;
        return true;
    }

    /// <summary>The next element, where there has to be one.</summary>
    public PackedElement Next() =>
        MoveNext() ? _current : throw new RdbFormatException("A listpack ends in the middle of an entry.");

    /// <summary>Bytes that say how long an element is.</summary>
    public static int BytesOfLength(int length) =>
        length < 1 << 7 ? 1 : length < (1 << 14) - 1 ? 2 : length < (1 << 21) - 1 ? 3 : length < (1 << 28) - 1 ? 4 : 5;

    /// <summary>Reads an element; its bytes.</summary>
    private int Read(ReadOnlySpan<byte> rest)
    {
        byte first = rest[0];
        switch (first)
        {
            case < 0x80:
                _current = new PackedElement(first);
                return 1;
            case < 0xC0:
                return Bytes(rest, 1, first & 0x3F);
            case < 0xE0:
                int bits = ((first & 0x1F) << 8) | At(rest, 1);
                _current = new PackedElement((bits << 19) >> 19);
                return 2;
            case < 0xF0:
                return Bytes(rest, 2, ((first & 0x0F) << 8) | At(rest, 1));
            case 0xF0:
                return Bytes(rest, 5, (uint)Little(rest, sizeof(uint)));
            case 0xF1:
                return Number(rest, 2);
            case 0xF2:
                return Number(rest, 3);
            case 0xF3:
                return Number(rest, 4);
            case 0xF4:
                return Number(rest, 8);
            default:
                throw new RdbFormatException("An element of a listpack begins with a byte that is not known.");
        }
    }

    private static bool EndsWithLength(ReadOnlySpan<byte> rest, int length, out int bytes)
    {
        bytes = BytesOfLength(length);
        if (bytes > rest.Length)
        {
            return false;
        }

        // Read from behind, as it is when a listpack is gone through backwards.
        for (int i = bytes - 1; i >= 0; i--, length >>= 7)
        {
            if (rest[i] != ((length & 0x7F) | (i > 0 ? 0x80 : 0)))
            {
                return false;
            }
        }

        return true;
    }

    private static byte At(ReadOnlySpan<byte> rest, int index) =>
        index < rest.Length ? rest[index] : throw new RdbFormatException("A listpack ends in an element.");

    private static long Little(ReadOnlySpan<byte> rest, int width)
    {
        ulong value = 0;
        for (int i = 0; i < width; i++)
        {
            value |= (ulong)At(rest, i + 1) << (8 * i);
        }

        return (long)value;
    }

    private int Number(ReadOnlySpan<byte> rest, int width)
    {
        int unused = 64 - (8 * width);
        _current = new PackedElement((Little(rest, width) << unused) >> unused);
        return 1 + width;
    }

    private int Bytes(ReadOnlySpan<byte> rest, int header, long length)
    {
        if (header > rest.Length || length > rest.Length - header)
        {
            throw new RdbFormatException("An element of a listpack is longer than what is there.");
        }

        _current = new PackedElement(rest.Slice(header, (int)length));
        return header + (int)length;
    }
}
