using System.Buffers.Binary;

namespace KvStore.Engine;

/// <summary>
/// A small collection in one value: a byte (0, or <see cref="TimesMark"/>), the number of pieces (4 bytes), then
/// pieces, each behind its length (seven bits a byte, the low ones first). What a piece is, a collection's type says.
/// </summary>
internal sealed class PackedPieces
{
    /// <summary>Where the first piece begins.</summary>
    public const int Start = 1 + sizeof(int);

    /// <summary>
    /// The first byte of a hash of which fields expire: each field has a third piece, its time (8 bytes, the high ones
    /// first), or none.
    /// </summary>
    public const byte TimesMark = 2;

    private const int LongestLength = 5;

    private byte[] _bytes = new byte[512];

    /// <summary>Where the last piece ends.</summary>
    public int End { get; private set; } = Start;

    public int Count { get; private set; }

    /// <summary>True where each field has a third piece for its time.</summary>
    public bool HasTimes { get; set; }

    /// <summary>The whole value, for a record.</summary>
    public ReadOnlySpan<byte> Value
    {
        get
        {
            _bytes[0] = HasTimes ? TimesMark : (byte)0;
            BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(1), Count);
            return _bytes.AsSpan(0, End);
        }
    }

    public void Clear()
    {
        End = Start;
        Count = 0;
        HasTimes = false;
        if (_bytes.Length > 1 << 16)
        {
            _bytes = new byte[512]; // a large one is rare
        }
    }

    /// <summary>Takes over a record's value.</summary>
    public void Load(ReadOnlySpan<byte> value)
    {
        Clear();
        Reserve(value.Length);
        value.CopyTo(_bytes);
        End = value.Length;
        HasTimes = value[0] == TimesMark;
        Count = BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(1));
    }

    /// <summary>The piece at a place, which moves behind it.</summary>
    public ReadOnlySpan<byte> Read(scoped ref int at)
    {
        int length = 0;
        int shift = 0;
        byte part;
        do
        {
            part = _bytes[at++];
            length |= (part & 0x7F) << shift;
            shift += 7;
        }
        while (part >= 0x80);
        at += length;
        return _bytes.AsSpan(at - length, length);
    }

    /// <summary>Where the piece begins that has so many before it.</summary>
    public int PlaceOf(int index)
    {
        int at = Start;
        Skip(ref at, index);
        return at;
    }

    /// <summary>Moves a place behind so many pieces.</summary>
    public void Skip(scoped ref int at, int pieces)
    {
        for (int i = 0; i < pieces; i++)
        {
            Read(ref at);
        }
    }

    /// <summary>Puts a piece there, in front of what is there.</summary>
    public int Insert(int at, ReadOnlySpan<byte> piece)
    {
        Span<byte> header = stackalloc byte[LongestLength];
        int headerLength = 0;
        uint rest = (uint)piece.Length;
        for (; rest >= 0x80; rest >>= 7)
        {
            header[headerLength++] = (byte)(rest | 0x80);
        }

        header[headerLength++] = (byte)rest;
        int length = headerLength + piece.Length;
        Reserve(End + length);
        _bytes.AsSpan(at, End - at).CopyTo(_bytes.AsSpan(at + length));
        header[..headerLength].CopyTo(_bytes.AsSpan(at));
        piece.CopyTo(_bytes.AsSpan(at + headerLength));
        End += length;
        Count++;
        return at + length;
    }

    /// <summary>Takes away so many pieces from a place on.</summary>
    public void Remove(int at, int pieces)
    {
        int end = at;
        Skip(ref end, pieces);
        _bytes.AsSpan(end, End - end).CopyTo(_bytes.AsSpan(at));
        End -= end - at;
        Count -= pieces;
    }

    private void Reserve(int length)
    {
        if (length > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(length, 2 * _bytes.Length));
        }
    }
}
