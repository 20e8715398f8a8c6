using System.Buffers.Binary;

namespace KvStore.Rdb;

/// <summary>
/// Goes through a listpack: its length (4 bytes) and its number of elements (2 bytes, 65,535 for unknown), then
/// elements, each with its own length behind it, then 0xFF.
/// </summary>
internal ref struct ListpackReader : IPackedReader
{
    public const int HeaderLength = sizeof(uint) + sizeof(ushort);
    public const ushort UnknownCount = ushort.MaxValue;

    private readonly ReadOnlySpan<byte> _bytes;
    private int _at = HeaderLength;
    private int _seen;
    private PackedPart _part = new("listpack");

    public ListpackReader(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes;
        _part.RequireWhole(bytes, HeaderLength);
    }

    public readonly PackedElement Current => _part.Element;

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
        MoveNext() ? _part.Element : throw new RdbFormatException("A listpack ends in the middle of an entry.");

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
                return _part.Take(first, 1);
            case < 0xC0:
                return _part.TakeBytes(rest, 1, first & 0x3F);
            case < 0xE0:
                int bits = ((first & 0x1F) << 8) | _part.At(rest, 1);
                return _part.Take((bits << 19) >> 19, 2);
            case < 0xF0:
                return _part.TakeBytes(rest, 2, ((first & 0x0F) << 8) | _part.At(rest, 1));
            case 0xF0:
                return _part.TakeBytes(rest, 5, (uint)_part.Little(rest, sizeof(uint)));
            case 0xF1:
                return _part.TakeNumber(rest, 2);
            case 0xF2:
                return _part.TakeNumber(rest, 3);
            case 0xF3:
                return _part.TakeNumber(rest, 4);
            case 0xF4:
                return _part.TakeNumber(rest, 8);
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
}
