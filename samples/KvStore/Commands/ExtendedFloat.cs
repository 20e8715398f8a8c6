using System.Globalization;
using System.Numerics;
using System.Text;

namespace KvStore.Commands;

/// <summary>
/// A binary floating-point number with a 64-bit significand, as x86's long double, which INCRBYFLOAT counts in: with a
/// double 3.0 + 0.1 would answer 3.10000000000000009.
/// </summary>
/// <remarks>The value is <c>significand * 2^exponent</c>. Rounds to nearest, ties to even.</remarks>
internal readonly struct ExtendedFloat
{
    private const int Precision = 64;
    private const int LargestExponent = 16384;
    private const int SmallestExponent = -16445;
    private const int LargestDecimalExponent = 5000;
    private const int ShownDecimals = 17;

    private readonly BigInteger _significand;
    private readonly int _exponent;
    private readonly bool _infinite;

    private ExtendedFloat(BigInteger significand, int exponent, bool infinite = false)
    {
        _significand = significand;
        _exponent = exponent;
        _infinite = infinite;
    }

    public bool IsFinite => !_infinite;

    public static ExtendedFloat operator +(ExtendedFloat a, ExtendedFloat b)
    {
        if (a._infinite || b._infinite)
        {
            return Infinity;
        }

        int exponent = Math.Min(a._exponent, b._exponent);
        return Round((a._significand << (a._exponent - exponent)) + (b._significand << (b._exponent - exponent)),
            BigInteger.One, exponent);
    }

    /// <summary>
    /// Reads a decimal: sign, digits with a point, exponent; or inf. No spaces, nothing behind it, no NaN.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out ExtendedFloat value)
    {
        value = default;
        int at = 0;
        bool negative = false;
        if (text.Length > 0 && text[0] is (byte)'-' or (byte)'+')
        {
            negative = text[0] == (byte)'-';
            at = 1;
        }

        if (Ascii.EqualsIgnoreCase(text[at..], "inf"u8) || Ascii.EqualsIgnoreCase(text[at..], "infinity"u8))
        {
            value = Infinity;
            return true;
        }

        if (text.Length > at + 2 && text[at] == (byte)'0' && (text[at + 1] | 0x20) == 'x')
        {
            return TryParseHexadecimal(text[(at + 2)..], negative, out value);
        }

        return TryParseDecimal(text[at..], negative, out value);
    }

    /// <summary>So many times the number, rounded as it is, and then up to an integer.</summary>
    public BigInteger CeilingOf(int times)
    {
        ExtendedFloat product = Round(_significand * times, BigInteger.One, _exponent);
        return product._exponent >= 0
            ? product._significand << product._exponent
            : -(-product._significand >> -product._exponent); // a shift rounds down
    }

    /// <summary>With 17 decimals, trailing zeros cut.</summary>
    public override string ToString()
    {
        // value * 10^17, rounded to even, is an integer whose digits are the answer.
        BigInteger scaled = BigInteger.Abs(_significand) * BigInteger.Pow(10, ShownDecimals);
        scaled = _exponent >= 0 ? scaled << _exponent : DivideToEven(scaled, BigInteger.One << -_exponent);
        string digits = scaled.ToString(CultureInfo.InvariantCulture).PadLeft(ShownDecimals + 1, '0');
        string text = $"{digits[..^ShownDecimals]}.{digits[^ShownDecimals..]}".TrimEnd('0').TrimEnd('.');
        return _significand.Sign < 0 && text != "0" ? "-" + text : text;
    }

    private static ExtendedFloat Infinity => new(BigInteger.Zero, 0, infinite: true);

    /// <summary>What is behind the sign.</summary>
    private static bool TryParseDecimal(ReadOnlySpan<byte> text, bool negative, out ExtendedFloat value)
    {
        value = default;
        var digits = new StringBuilder("0");
        int scale = 0;
        bool any = false;
        bool point = false;
        int at = 0;
        for (; at < text.Length
            && (text[at] is >= (byte)'0' and <= (byte)'9' || (text[at] == (byte)'.' && !point)); at++)
        {
            if (text[at] == (byte)'.')
            {
                point = true;
                continue;
            }

            any = true;
            digits.Append((char)text[at]);
            scale -= point ? 1 : 0;
        }

        if (!any || !TryReadExponent(text[at..], ref scale) || digits.Length > LargestDecimalExponent)
        {
            return false;
        }

        var number = BigInteger.Parse(digits.ToString(), CultureInfo.InvariantCulture);
        if (number.IsZero || scale < -2 * LargestDecimalExponent)
        {
            return true;
        }

        if (scale > LargestDecimalExponent)
        {
            return false; // out of range, as strtold says
        }

        number = negative ? -number : number;
        value = scale >= 0
            ? Round(number * BigInteger.Pow(10, scale), BigInteger.One, 0)
            : Round(number, BigInteger.Pow(10, -scale), 0);
        return value.IsFinite;
    }

    /// <summary>What is behind "0x": as C reads and writes it.</summary>
    private static bool TryParseHexadecimal(ReadOnlySpan<byte> text, bool negative, out ExtendedFloat value)
    {
        value = default;
        BigInteger number = BigInteger.Zero;
        int exponent = 0;
        bool any = false;
        bool point = false;
        int at = 0;
        for (; at < text.Length && at < LargestDecimalExponent
            && (char.IsAsciiHexDigit((char)text[at]) || (text[at] == (byte)'.' && !point)); at++)
        {
            if (text[at] == (byte)'.')
            {
                point = true;
                continue;
            }

            any = true;
            number = (number << 4) + Convert.ToInt32(((char)text[at]).ToString(), 16);
            exponent -= point ? 4 : 0;
        }

        if (!any || !TryReadExponent(text[at..], ref exponent, 'p') || Math.Abs(exponent) > LargestExponent * 2)
        {
            return false;
        }

        value = Round(negative ? -number : number, BigInteger.One, exponent);
        return value.IsFinite;
    }

    private static bool TryReadExponent(ReadOnlySpan<byte> text, ref int scale, char letter = 'e')
    {
        if (text.Length == 0)
        {
            return true;
        }

        if ((text[0] | 0x20) != letter || text.Length > 8
            || !int.TryParse(text[1..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int exponent))
        {
            return false;
        }

        scale += exponent;
        return true;
    }

    /// <summary>The nearest number to <c>numerator / denominator * 2^exponent</c>.</summary>
    private static ExtendedFloat Round(BigInteger numerator, BigInteger denominator, int exponent)
    {
        if (numerator.IsZero)
        {
            return default;
        }

        bool negative = numerator.Sign < 0;
        numerator = BigInteger.Abs(numerator);

        // Scale so that the quotient has the 64 bits, or one more, then take that one off again.
        int shift = Precision - (int)(numerator.GetBitLength() - denominator.GetBitLength());
        shift = Math.Min(shift, exponent - SmallestExponent);
        BigInteger quotient = Divide(numerator, denominator, shift);
        if (quotient.GetBitLength() > Precision)
        {
            shift -= (int)quotient.GetBitLength() - Precision;
            quotient = Divide(numerator, denominator, shift);
        }

        exponent -= shift;
        if (exponent + quotient.GetBitLength() > LargestExponent)
        {
            return Infinity;
        }

        return new ExtendedFloat(negative ? -quotient : quotient, exponent);
    }

    private static BigInteger Divide(BigInteger numerator, BigInteger denominator, int shift) =>
        shift >= 0 ? DivideToEven(numerator << shift, denominator) : DivideToEven(numerator, denominator << -shift);

    private static BigInteger DivideToEven(BigInteger numerator, BigInteger denominator)
    {
        BigInteger quotient = BigInteger.DivRem(numerator, denominator, out BigInteger remainder);
        int half = (remainder * 2).CompareTo(denominator);
        return half > 0 || (half == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }
}
