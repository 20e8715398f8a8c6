namespace KvStore.Commands;

/// <summary>What came of raising a register.</summary>
internal enum SparseOutcome
{
    /// <summary>It was as high before.</summary>
    Kept,

    Raised,

    /// <summary>It needs more bytes than there may be, or cannot be said in runs.</summary>
    NoRoom,

    /// <summary>The runs end before the register.</summary>
    Damaged,
}

/// <summary>
/// Registers of a HyperLogLog as runs of the same value. <c>00llllll</c>: that many zeros and one. <c>01llllll
/// llllllll</c>: the same, of 14 bits. <c>1vvvvvll</c>: a value of 1 to 32 so many times and once.
/// </summary>
/// <remarks>Runs are split and joined as by Redis, so that the same elements make the same bytes.</remarks>
internal sealed class SparseRuns(ReadOnlySpan<byte> bytes)
{
    private const int LongestZeros = 64;
    private const int LongestValues = 4;
    private const int HighestValue = 32;
    private const int MostPieces = 5; // bytes that one run becomes
    private const int JoinedRuns = 5; // runs looked at after a change

    private byte[] _bytes = bytes.ToArray();
    private int _length = bytes.Length;

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <summary>Each run in Redis's words: <c>z:</c> or <c>Z:</c> so many zeros, <c>v:</c> a value so many
    /// times.</summary>
    public string Describe()
    {
        List<string> words = [];
        for (int at = 0; at < _length;)
        {
            Run run = RunAt(at);
            at += run.Bytes;
            words.Add(run.Value > 0 ? $"v:{run.Value},{run.Length}" : run.Bytes == 1 ? $"z:{run.Length}"
                : $"Z:{run.Length}");
        }

        return string.Join(' ', words);
    }

    /// <summary>So many registers, all zero.</summary>
    public static SparseRuns Zeros(int registers)
    {
        Span<byte> bytes = stackalloc byte[2];
        return new SparseRuns(bytes[..PutZeros(bytes, registers)]);
    }

    /// <summary>Raises registers of one byte each to what is here. False where these are more, or fewer.</summary>
    public bool TryMergeInto(Span<byte> registers)
    {
        int first = 0;
        for (int at = 0; at < _length;)
        {
            Run run = RunAt(at);
            at += run.Bytes;
            int next = first + run.Length;
            if (next > registers.Length)
            {
                return false;
            }

            for (; first < next && run.Value > 0; first++)
            {
                registers[first] = Math.Max(registers[first], (byte)run.Value);
            }

            first = next;
        }

        return first == registers.Length;
    }

    /// <summary>Gives a register a value, unless it has a higher one.</summary>
    /// <param name="index">The register.</param>
    /// <param name="value">Its value.</param>
    /// <param name="limit">How many bytes the runs may have.</param>
    public SparseOutcome Raise(int index, int value, long limit)
    {
        if (value > HighestValue)
        {
            return SparseOutcome.NoRoom;
        }

        int first = 0;
        int at = 0;
        int previous = 0;
        Run run = default;
        while (at < _length && index >= first + (run = RunAt(at)).Length)
        {
            previous = at;
            at += run.Bytes;
            first += run.Length;
        }

        if (at >= _length)
        {
            return SparseOutcome.Damaged;
        }

        if (run.Value >= value)
        {
            return SparseOutcome.Kept;
        }

        Span<byte> pieces = stackalloc byte[MostPieces];
        int count = Split(run, index - first, value, pieces);
        int more = count - run.Bytes;
        if (more > 0 && _length + more > limit)
        {
            return SparseOutcome.NoRoom;
        }

        Replace(at, run.Bytes, pieces[..count]);
        JoinFrom(previous);
        return SparseOutcome.Raised;
    }

    /// <summary>What a run becomes when one of its registers gets a value.</summary>
    private static int Split(Run run, int before, int value, Span<byte> pieces)
    {
        int count = Put(pieces, run.Value, before);
        count += Put(pieces[count..], value, 1);
        return count + Put(pieces[count..], run.Value, run.Length - before - 1);
    }

    private static int Put(Span<byte> to, int value, int length)
    {
        if (length == 0)
        {
            return 0;
        }

        if (value == 0)
        {
            return PutZeros(to, length);
        }

        to[0] = (byte)(0x80 | ((value - 1) << 2) | (length - 1));
        return 1;
    }

    private static int PutZeros(Span<byte> to, int length)
    {
        if (length <= LongestZeros)
        {
            to[0] = (byte)(length - 1);
            return 1;
        }

        to[0] = (byte)(0x40 | ((length - 1) >> 8));
        to[1] = (byte)(length - 1);
        return 2;
    }

    /// <summary>Makes one run of two that have the same value.</summary>
    private void JoinFrom(int at)
    {
        Span<byte> joined = stackalloc byte[1];
        for (int left = JoinedRuns; left > 0 && at < _length; left--)
        {
            Run run = RunAt(at);
            Run next = run.Value > 0 && at + 1 < _length ? RunAt(at + 1) : default;
            int length = run.Length + next.Length;
            if (next.Value == 0 || next.Value != run.Value || length > LongestValues)
            {
                at += run.Bytes;
                continue;
            }

            Put(joined, run.Value, length);
            Replace(at, 2, joined);
        }
    }

    private void Replace(int at, int oldBytes, ReadOnlySpan<byte> pieces)
    {
        int length = _length + pieces.Length - oldBytes;
        if (length > _bytes.Length)
        {
            Array.Resize(ref _bytes, length + (length / 2));
        }

        _bytes.AsSpan((at + oldBytes).._length).CopyTo(_bytes.AsSpan(at + pieces.Length));
        pieces.CopyTo(_bytes.AsSpan(at));
        _length = length;
    }

    private Run RunAt(int at)
    {
        byte head = _bytes[at];
        if ((head & 0x80) != 0)
        {
            return new Run(1, (head & 3) + 1, ((head >> 2) & 31) + 1);
        }

        if ((head & 0x40) == 0)
        {
            return new Run(1, head + 1, 0);
        }

        // What is cut off counts as zero.
        bool isWhole = at + 1 < _length;
        return new Run(isWhole ? 2 : 1, (((head & 0x3F) << 8) | (isWhole ? _bytes[at + 1] : 0)) + 1, 0);
    }

    private readonly record struct Run(int Bytes, int Length, int Value);
}
