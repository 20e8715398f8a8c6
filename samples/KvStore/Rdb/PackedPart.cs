using System.Buffers.Binary;

namespace KvStore.Rdb;

/// <summary>
/// What listpacks and ziplists have in common: they begin with their length, end with 0xFF, and an element of theirs is
/// a few bytes that say what it is, and then a number or bytes.
/// </summary>
/// <param name="kind">What it is a part of, for what is said of it.</param>
internal ref struct PackedPart(string kind)
{
    public const byte End = 0xFF;

    /// <summary>The element that was read last; good as long as the string.</summary>
    public PackedElement Element { get; private set; }

    public readonly void RequireWhole(ReadOnlySpan<byte> all, int headerLength)
    {
        if (all.Length <= headerLength || BinaryPrimitives.ReadUInt32LittleEndian(all) != all.Length
            || all[^1] != End)
        {
            throw new RdbFormatException($"A {kind} does not have the length that it says.");
        }
    }

    public readonly byte At(ReadOnlySpan<byte> rest, int index) =>
        index < rest.Length ? rest[index] : throw new RdbFormatException($"A {kind} ends in an element.");

    /// <summary>The number behind the first byte, the low bytes first.</summary>
    public readonly long Little(ReadOnlySpan<byte> rest, int width)
    {
        ulong value = 0;
        for (int i = 0; i < width; i++)
        {
            value |= (ulong)At(rest, i + 1) << (8 * i);
        }

        return (long)value;
    }

    /// <summary>Has an element that is a number; its bytes, the ones before it included.</summary>
    public int Take(long number, int bytes)
    {
        Element = new PackedElement(number);
        return bytes;
    }

    /// <summary>Has an element that is a number with a sign, of so many bytes behind the first.</summary>
    public int TakeNumber(ReadOnlySpan<byte> rest, int width)
    {
        int unused = 64 - (8 * width);
        return Take((Little(rest, width) << unused) >> unused, 1 + width);
    }

    /// <summary>Has an element that is bytes behind a header.</summary>
    public int TakeBytes(ReadOnlySpan<byte> rest, int header, long length)
    {
        if (header > rest.Length || length > rest.Length - header)
        {
            throw new RdbFormatException($"An element of a {kind} is longer than what is there.");
        }

        Element = new PackedElement(rest.Slice(header, (int)length));
        return header + (int)length;
    }
}
