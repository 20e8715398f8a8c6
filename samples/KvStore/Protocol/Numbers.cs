using System.Buffers.Text;
using System.Globalization;

namespace KvStore.Protocol;

/// <summary>Numbers as Redis reads and writes them.</summary>
internal static class Numbers
{
    /// <summary>Longest decimal of a 64-bit integer, its sign included.</summary>
    public const int MaxIntegerLength = 20;

    /// <summary>
    /// Reads a 64-bit integer in the one form it is written in: no plus, no space, no leading zero, no "-0".
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        if (text.Length == 0 || text.Length > MaxIntegerLength)
        {
            return false;
        }

        bool negative = text[0] == (byte)'-';
        ReadOnlySpan<byte> digits = negative ? text[1..] : text;
        if (digits.Length == 0 || (digits[0] == (byte)'0' && (digits.Length > 1 || negative)))
        {
            return false;
        }

        ulong sum = 0;
        foreach (byte c in digits)
        {
            uint digit = (uint)(c - '0');
            if (digit > 9 || sum > (ulong.MaxValue - digit) / 10)
            {
                return false;
            }

            sum = (sum * 10) + digit;
        }

        if (sum > (negative ? 1UL << 63 : long.MaxValue))
        {
            return false;
        }

        value = negative ? unchecked((long)(0 - sum)) : (long)sum;
        return true;
    }

    /// <summary>Writes an integer's decimal, for which there has to be room; returns its length.</summary>
    public static int Format(long value, Span<byte> to)
    {
        if ((ulong)value < 10)
        {
            to[0] = (byte)('0' + value);
            return 1;
        }

        Utf8Formatter.TryFormat(value, to, out int written);
        return written;
    }

    /// <summary>The number of bytes that <see cref="Format"/> writes.</summary>
    public static int Length(long value)
    {
        ulong rest = value < 0 ? 0 - unchecked((ulong)value) : (ulong)value;
        int length = value < 0 ? 2 : 1;
        while (rest >= 10)
        {
            rest /= 10;
            length++;
        }

        return length;
    }

    /// <summary>An integer as text.</summary>
    public static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
