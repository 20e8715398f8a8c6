using System.Buffers.Binary;
using System.Numerics;

namespace KvStore.Commands;

/// <summary>
/// A HyperLogLog in Redis's bytes: a header, then 16,384 registers of six bits each, or, where few are set, runs of
/// them (<see cref="SparseRuns"/>).
/// </summary>
/// <remarks>
/// The header: "HYLL", 0 for six bits each or 1 for runs, three bytes of nothing, and the count of last time, eight
/// bytes from the lowest on. The highest bit of the last says that the registers have changed since.
/// </remarks>
internal sealed class HyperLogLog
{
    public const int RegisterCount = 1 << IndexBits;

    /// <summary>The bits of a hash that a register's value is of: their zeros from the lowest on, and one.</summary>
    public const int HashBits = 64 - IndexBits;

    public const int HeaderLength = 16;
    private const int IndexBits = 14;
    private const int RegisterBits = 6;
    private const int DenseLength = HeaderLength + (RegisterCount * RegisterBits / 8);
    private const int EncodingAt = 4;
    private const int CountAt = 8;
    private const byte Dense = 0;
    private const byte Sparse = 1;
    private const byte IsStale = 0x80;

    private byte[] _bytes;
    private SparseRuns? _runs;

    /// <summary>From a value's bytes, of which <see cref="IsValid"/> is true.</summary>
    public HyperLogLog(ReadOnlySpan<byte> bytes)
    {
        bool isSparse = bytes[EncodingAt] == Sparse;
        _bytes = bytes[..(isSparse ? HeaderLength : DenseLength)].ToArray();
        _runs = isSparse ? new SparseRuns(bytes[HeaderLength..]) : null;
    }

    /// <summary>One that has seen nothing.</summary>
    public HyperLogLog()
    {
        _bytes = new byte[HeaderLength];
        Magic.CopyTo(_bytes);
        _bytes[EncodingAt] = Sparse;
        _runs = SparseRuns.Zeros(RegisterCount);
    }

    private static ReadOnlySpan<byte> Magic => "HYLL"u8;

    public bool IsDense => _runs is null;

    /// <summary>Its runs in Redis's words; null where it has none.</summary>
    public string? DescribeRuns() => _runs?.Describe();

    public byte[] ToArray() => _runs is null ? _bytes : [.. _bytes, .. _runs.Bytes];

    /// <summary>True where bytes begin as one, and are as many as one has. Its runs may be damaged.</summary>
    /// <param name="head">The first <see cref="HeaderLength"/> of them.</param>
    /// <param name="length">How many there are.</param>
    public static bool IsValid(ReadOnlySpan<byte> head, long length) =>
        head.Length >= HeaderLength && head.StartsWith(Magic)
        && (head[EncodingAt] == Sparse || (head[EncodingAt] == Dense && length == DenseLength));

    /// <summary>The count of last time, where nothing has changed since.</summary>
    public bool TryGetCount(out long count)
    {
        count = BinaryPrimitives.ReadInt64LittleEndian(_bytes.AsSpan(CountAt));
        return (_bytes[HeaderLength - 1] & IsStale) == 0;
    }

    public void KeepCount(long count) => BinaryPrimitives.WriteInt64LittleEndian(_bytes.AsSpan(CountAt), count);

    public void ForgetCount() => _bytes[HeaderLength - 1] |= IsStale;

    /// <summary>Sees an element. False where the runs are damaged.</summary>
    /// <param name="element">The element.</param>
    /// <param name="sparseLimit">The most bytes of it while it is runs.</param>
    /// <param name="changed">True where a register has a higher value now.</param>
    public bool TryAdd(ReadOnlySpan<byte> element, long sparseLimit, out bool changed)
    {
        ulong hash = ElementHash.Of(element);
        ulong rest = (hash >> IndexBits) | (1UL << HashBits); // so that it ends
        return TryRaise(
            (int)(hash & (RegisterCount - 1)), BitOperations.TrailingZeroCount(rest) + 1, sparseLimit, out changed);
    }

    /// <summary>Gives a register a value, unless it has a higher one. False where the runs are damaged.</summary>
    public bool TryRaise(int index, int value, long sparseLimit, out bool changed)
    {
        if (_runs is not null)
        {
            switch (_runs.Raise(index, value, sparseLimit - HeaderLength))
            {
                case SparseOutcome.Damaged:
                    changed = false;
                    return false;
                case SparseOutcome.NoRoom:
                    if (!TryMakeDense())
                    {
                        changed = false;
                        return false;
                    }

                    break;
                case var outcome:
                    changed = outcome == SparseOutcome.Raised;
                    return true;
            }
        }

        changed = value > Register(index);
        if (changed)
        {
            SetRegister(index, value);
        }

        return true;
    }

    /// <summary>Raises registers of one byte each to what is here. False where the runs are damaged.</summary>
    public bool TryMergeInto(Span<byte> registers)
    {
        if (_runs is not null)
        {
            return _runs.TryMergeInto(registers);
        }

        for (int i = 0; i < RegisterCount; i++)
        {
            registers[i] = Math.Max(registers[i], (byte)Register(i));
        }

        return true;
    }

    /// <summary>Six bits for each register from now on. False where the runs are damaged.</summary>
    public bool TryMakeDense()
    {
        if (_runs is null)
        {
            return true;
        }

        byte[] registers = new byte[RegisterCount];
        if (!_runs.TryMergeInto(registers))
        {
            return false;
        }

        _runs = null;
        Array.Resize(ref _bytes, DenseLength);
        _bytes[EncodingAt] = Dense;
        for (int i = 0; i < RegisterCount; i++)
        {
            SetRegister(i, registers[i]);
        }

        return true;
    }

    private int Register(int index)
    {
        (int at, int shift) = PlaceOf(index);
        return (Pair(at) >> shift) & ((1 << RegisterBits) - 1);
    }

    private void SetRegister(int index, int value)
    {
        (int at, int shift) = PlaceOf(index);
        int pair = (Pair(at) & ~(((1 << RegisterBits) - 1) << shift)) | (value << shift);
        _bytes[at] = (byte)pair;
        if (at + 1 < _bytes.Length)
        {
            _bytes[at + 1] = (byte)(pair >> 8);
        }
    }

    // A register is in one byte or in two; behind the last one there is no other.
    private int Pair(int at) => _bytes[at] | (at + 1 < _bytes.Length ? _bytes[at + 1] << 8 : 0);

    private static (int At, int Shift) PlaceOf(int index) =>
        (HeaderLength + (index * RegisterBits / 8), index * RegisterBits % 8);
}
