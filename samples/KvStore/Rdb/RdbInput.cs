using System.Buffers.Binary;
using KvStore.Memory;
using KvStore.Protocol;

namespace KvStore.Rdb;

/// <summary>The bytes of a dump, one after the other: lengths, numbers and strings as it writes them.</summary>
/// <remarks>Every read that the bytes do not allow throws <see cref="RdbFormatException"/>. Memory is taken for bytes
/// that are there, whatever a length says; a compressed string takes at most <see cref="Lzf.MostPerByte"/> times as
/// many as it has.</remarks>
/// <param name="stream">Where they come from; it stays open.</param>
/// <param name="length">How many there are.</param>
internal sealed class RdbInput(Stream stream, long length) : IDisposable
{
    private const int BufferSize = 64 << 10;
    private const byte Length32 = 0x80;
    private const byte Length64 = 0x81;
    private const int EncodedMark = 3;

    private readonly byte[] _buffer = new byte[Math.Min(length, BufferSize)];
    private readonly GrowingBuffer _compressed = new();
    private long _left = length;
    private int _at;
    private int _end;
    private ulong _checksum;
    private int _checkedUpTo;
    private GrowingBuffer? _record;
    private int _recordedUpTo;

    /// <summary>Longest string that is taken.</summary>
    public long LongestString { get; init; } = 512L << 20;

    /// <summary>True to have the checksum of all bytes in the end.</summary>
    public bool ChecksAll { get; init; }

    /// <summary>How many bytes are not read yet.</summary>
    public long Remaining => _left + (_end - _at);

    /// <summary>How many bytes of the stream were taken out of it and not read yet.</summary>
    public int Buffered => _end - _at;

    /// <summary>The checksum of all that was read: of a file, whose end says what it has to be.</summary>
    public ulong ReadChecksum()
    {
        _checksum = Crc64.Append(_checksum, _buffer.AsSpan(_checkedUpTo, _at - _checkedUpTo));
        _checkedUpTo = _at;
        return _checksum;
    }

    /// <summary>Has a buffer get the bytes that are read from here on, as they stand there.</summary>
    public void BeginRecord(GrowingBuffer record) => (_record, _recordedUpTo) = (record, _at);

    /// <summary>Ends that.</summary>
    public void EndRecord()
    {
        Record();
        _record = null;
    }

    public byte ReadByte()
    {
        if (_at == _end)
        {
            Fill();
        }

        return _buffer[_at++];
    }

    /// <summary>Fills what has to be filled.</summary>
    public void ReadBytes(Span<byte> to)
    {
        while (!to.IsEmpty)
        {
            if (_at == _end)
            {
                Fill();
            }

            int taken = Math.Min(to.Length, _end - _at);
            _buffer.AsSpan(_at, taken).CopyTo(to);
            _at += taken;
            to = to[taken..];
        }
    }

    /// <summary>Eight bytes, the low ones first.</summary>
    public long ReadInt64()
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        ReadBytes(bytes);
        return BinaryPrimitives.ReadInt64LittleEndian(bytes);
    }

    /// <summary>Eight bytes, the low ones first.</summary>
    public double ReadDouble() => BitConverter.Int64BitsToDouble(ReadInt64());

    /// <summary>A length, or another number that is written as one.</summary>
    public ulong ReadLength()
    {
        ulong value = ReadLength(out bool isEncoded);
        return !isEncoded ? value : throw new RdbFormatException("A length is a string's encoding.");
    }

    /// <summary>A number of things, of which there has to be one.</summary>
    public ulong ReadCount()
    {
        ulong count = ReadLength();
        return count > 0 ? count : throw new RdbFormatException("An object has no elements.");
    }

    /// <summary>A string, which takes the place of what the buffer has. A number is its decimal.</summary>
    public void ReadString(GrowingBuffer to)
    {
        to.CutTo(0);
        ulong value = ReadLength(out bool isEncoded);
        if (!isEncoded)
        {
            ReadBytes(to.Append(Checked(value)));
            return;
        }

        switch (value)
        {
            case 0:
                AppendDecimal(to, (sbyte)ReadByte());
                return;
            case 1:
                AppendDecimal(to, (short)(ReadByte() | (ReadByte() << 8)));
                return;
            case 2:
                AppendDecimal(to, ReadByte() | (ReadByte() << 8) | (ReadByte() << 16) | (ReadByte() << 24));
                return;
            case 3:
                ReadCompressed(to);
                return;
            default:
                throw new RdbFormatException("A string has an encoding that is not known.");
        }
    }

    /// <summary>Has bytes read that lie in memory.</summary>
    /// <param name="content">The bytes.</param>
    /// <param name="longestString"><see cref="LongestString"/>.</param>
    /// <param name="read">Reads them.</param>
    public static unsafe void Read(ReadOnlySpan<byte> content, long longestString, Action<RdbInput> read)
    {
        fixed (byte* bytes = content)
        {
            using UnmanagedMemoryStream stream = new(bytes, content.Length);
            using RdbInput input = new(stream, content.Length) { LongestString = longestString };
            read(input);
        }
    }

    public void Dispose() => _compressed.Dispose();

    private static void AppendDecimal(GrowingBuffer to, long value)
    {
        Span<byte> digits = stackalloc byte[Numbers.MaxIntegerLength];
        int count = Numbers.Format(value, digits);
        digits[..count].CopyTo(to.Append(count));
    }

    private ulong ReadLength(out bool isEncoded)
    {
        byte first = ReadByte();
        isEncoded = first >> 6 == EncodedMark;
        switch (first >> 6)
        {
            case 0 or EncodedMark:
                return (ulong)first & 0x3F;
            case 1:
                return ((ulong)(first & 0x3F) << 8) | ReadByte();
            default:
                Span<byte> bytes = stackalloc byte[sizeof(ulong)];
                bytes = bytes[..(first switch
                {
                    Length32 => sizeof(uint),
                    Length64 => sizeof(ulong),
                    _ => throw new RdbFormatException("A length begins with a byte that is not known."),
                })];
                ReadBytes(bytes);
                return first == Length32
                    ? BinaryPrimitives.ReadUInt32BigEndian(bytes)
                    : BinaryPrimitives.ReadUInt64BigEndian(bytes);
        }
    }

    private int Checked(ulong value) => value <= (ulong)Remaining && value <= (ulong)LongestString
        ? (int)value
        : throw new RdbFormatException("A string is longer than what is there.");

    private void ReadCompressed(GrowingBuffer to)
    {
        int length = Checked(ReadLength());
        ulong whole = ReadLength();
        if (whole == 0 || whole > (ulong)LongestString || whole > (ulong)length * Lzf.MostPerByte)
        {
            throw new RdbFormatException("A compressed string is longer than it can be.");
        }

        _compressed.CutTo(0);
        ReadBytes(_compressed.Append(length));
        if (!Lzf.TryExpand(_compressed.Span, to.Append((int)whole)))
        {
            throw new RdbFormatException("A compressed string does not expand to its length.");
        }
    }

    private void Fill()
    {
        if (_record is not null)
        {
            Record();
        }

        if (ChecksAll)
        {
            ReadChecksum();
        }

        int read = _left == 0 ? 0 : stream.Read(_buffer, 0, (int)Math.Min(_buffer.Length, _left));
        if (read == 0)
        {
            throw new RdbFormatException("The bytes end in the middle of an object.");
        }

        _left -= read;
        _at = 0;
        _end = read;
        _checkedUpTo = _recordedUpTo = 0;
    }

    private void Record()
    {
        ReadOnlySpan<byte> bytes = _buffer.AsSpan(_recordedUpTo, _at - _recordedUpTo);
        bytes.CopyTo(_record!.Append(bytes.Length));
        _recordedUpTo = _at;
    }
}
