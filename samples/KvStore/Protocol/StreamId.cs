using System.Buffers.Binary;
using System.Buffers.Text;

namespace KvStore.Protocol;

/// <summary>The id of a stream's entry: a time in milliseconds, and a number among those of one millisecond.</summary>
internal readonly record struct StreamId(ulong Time, ulong Sequence) : IComparable<StreamId>
{
    /// <summary>Bytes of an id in a key: both numbers, highest byte first, so that ids are in order.</summary>
    public const int Length = 2 * sizeof(ulong);

    /// <summary>Longest text of an id.</summary>
    public const int LongestText = (2 * Numbers.MaxIntegerLength) + 1;

    private const int LongestRead = 127;

    /// <summary>Before every entry: none has it.</summary>
    public static StreamId Zero => default;

    public static StreamId Last => new(ulong.MaxValue, ulong.MaxValue);

    public static bool operator <(StreamId left, StreamId right) => left.CompareTo(right) < 0;

    public static bool operator >(StreamId left, StreamId right) => left.CompareTo(right) > 0;

    public static bool operator <=(StreamId left, StreamId right) => left.CompareTo(right) <= 0;

    public static bool operator >=(StreamId left, StreamId right) => left.CompareTo(right) >= 0;

    public static StreamId Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[sizeof(ulong)..]));

    /// <summary>
    /// Reads <c>ms-seq</c>, or <c>ms</c> alone. It takes what Redis takes: leading zeros and a sign, as strtoull(3).
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="missing">The number where there is only a time.</param>
    /// <param name="id">The id.</param>
    public static bool TryParse(ReadOnlySpan<byte> text, ulong missing, out StreamId id) =>
        TryParse(text, missing, mayLeaveOpen: false, out id, out _);

    /// <summary>The same, or <c>ms-*</c>: the number is not given.</summary>
    public static bool TryParseOpen(ReadOnlySpan<byte> text, out StreamId id, out bool isOpen) =>
        TryParse(text, 0, mayLeaveOpen: true, out id, out isOpen);

    public int CompareTo(StreamId other) =>
        Time == other.Time ? Sequence.CompareTo(other.Sequence) : Time.CompareTo(other.Time);

    /// <summary>The next id; false behind the last one.</summary>
    public bool TryNext(out StreamId next)
    {
        next = Sequence == ulong.MaxValue
            ? new StreamId(unchecked(Time + 1), 0)
            : this with { Sequence = Sequence + 1 };
        return next != Zero;
    }

    /// <summary>The id before; false before the first one.</summary>
    public bool TryPrevious(out StreamId previous)
    {
        previous = Sequence == 0
            ? new StreamId(unchecked(Time - 1), ulong.MaxValue)
            : this with { Sequence = Sequence - 1 };
        return previous != Last; // the one before the first comes around, and may be where this one was
    }

    public void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteUInt64BigEndian(to, Time);
        BinaryPrimitives.WriteUInt64BigEndian(to[sizeof(ulong)..], Sequence);
    }

    /// <summary>Writes the text; returns its length.</summary>
    public int Format(Span<byte> to)
    {
        Utf8Formatter.TryFormat(Time, to, out int length);
        to[length++] = (byte)'-';
        Utf8Formatter.TryFormat(Sequence, to[length..], out int rest);
        return length + rest;
    }

    private static bool TryParse(
        ReadOnlySpan<byte> text, ulong missing, bool mayLeaveOpen, out StreamId id, out bool isOpen)
    {
        id = default;
        isOpen = false;
        if (text.Length > LongestRead)
        {
            return false;
        }

        int end = text.IndexOf((byte)0);
        text = end < 0 ? text : text[..end];
        int bar = text.IndexOf((byte)'-');
        ulong sequence = missing;
        if (!TryNumber(bar < 0 ? text : text[..bar], out ulong time))
        {
            return false;
        }

        if (bar >= 0)
        {
            ReadOnlySpan<byte> rest = text[(bar + 1)..];
            isOpen = mayLeaveOpen && rest.SequenceEqual("*"u8);
            sequence = 0;
            if (!isOpen && !TryNumber(rest, out sequence))
            {
                return false;
            }
        }

        id = new StreamId(time, sequence);
        return true;
    }

    private static bool TryNumber(ReadOnlySpan<byte> text, out ulong number)
    {
        number = 0;
        if (Numbers.TryParse(text, out long signed))
        {
            number = (ulong)signed;
            return signed >= 0;
        }

        bool isNegative = text.Length > 0 && text[0] == (byte)'-';
        ReadOnlySpan<byte> digits = text.Length > 0 && text[0] is (byte)'-' or (byte)'+' ? text[1..] : text;
        foreach (byte c in digits)
        {
            uint digit = (uint)(c - '0');
            if (digit > 9 || number > (ulong.MaxValue - digit) / 10)
            {
                return false;
            }

            number = (number * 10) + digit;
        }

        number = isNegative ? 0 - number : number;
        return digits.Length > 0;
    }
}
