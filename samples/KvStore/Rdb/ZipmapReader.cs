using System.Buffers.Binary;

namespace KvStore.Rdb;

/// <summary>
/// Goes through a zipmap, fields and values by turns: its number of fields (254 for unknown), then each behind its
/// length, a value with unused bytes behind it too, whose number is behind the length; then 0xFF.
/// </summary>
internal ref struct ZipmapReader : IPackedReader
{
    private const byte LongLength = 0xFE;
    private const byte End = 0xFF;

    private readonly ReadOnlySpan<byte> _bytes;
    private int _at = 1;
    private int _seen;
    private PackedElement _current;

    public ZipmapReader(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes;
        if (bytes.Length < 2 || bytes[^1] != End)
        {
            throw new RdbFormatException("A zipmap does not end as one.");
        }
    }

    public readonly PackedElement Current => _current;

    public bool MoveNext()
    {
        if (_at == _bytes.Length - 1)
        {
            return (_seen & 1) == 0 && (_bytes[0] >= LongLength || 2 * _bytes[0] == _seen)
                ? false
                : throw new RdbFormatException("A zipmap does not have as many fields as it says.");
        }

        ReadOnlySpan<byte> rest = _bytes[_at..^1];
        bool isValue = (_seen & 1) == 1;
        int header = (rest[0] < LongLength ? 1 : 1 + sizeof(uint)) + (isValue ? 1 : 0);
        if (rest[0] == End || header > rest.Length)
        {
            throw new RdbFormatException("A zipmap ends in an element.");
        }

        long length = rest[0] < LongLength ? rest[0] : BinaryPrimitives.ReadUInt32LittleEndian(rest[1..]);
        int unused = isValue ? rest[header - 1] : 0;
        if (header + length + unused > rest.Length)
        {
            throw new RdbFormatException("An element of a zipmap is longer than what is there.");
        }

        _current = new PackedElement(rest.Slice(header, (int)length));
        _at += header + (int)length + unused;
        _seen++;
        return true;
    }
}
