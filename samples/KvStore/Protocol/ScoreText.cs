using System.Globalization;
using System.Text;

namespace KvStore.Protocol;

/// <summary>Scores as Redis 7.0 reads and writes them: C's <c>%.17g</c>.</summary>
internal static class ScoreText
{
    private const int Digits = 17;

    public static bool TryParse(ReadOnlySpan<byte> text, out double score)
    {
        score = 0;
        if (text.IsEmpty || text.Length > 512)
        {
            return false;
        }

        string words = Encoding.Latin1.GetString(text);
        string unsigned = words[0] is '+' or '-' ? words[1..] : words;
        if (unsigned.Equals("inf", StringComparison.OrdinalIgnoreCase)
            || unsigned.Equals("infinity", StringComparison.OrdinalIgnoreCase))
        {
            score = words[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
            return true;
        }

        const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint
            | NumberStyles.AllowExponent;
        return unsigned.Length > 0 && (char.IsAsciiDigit(unsigned[0]) || unsigned[0] == '.')
            && double.TryParse(words, style, CultureInfo.InvariantCulture, out score) && double.IsFinite(score);
    }

    public static string Format(double score)
    {
        if (double.IsInfinity(score))
        {
            return score > 0 ? "inf" : "-inf";
        }

        if (score == 0)
        {
            return double.IsNegative(score) ? "-0" : "0";
        }

        string text = Math.Abs(score).ToString("E16", CultureInfo.InvariantCulture);
        int mark = text.IndexOf('E', StringComparison.Ordinal);
        int exponent = int.Parse(text.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string digits = (text[..1] + text[2..mark]).TrimEnd('0');
        string sign = score < 0 ? "-" : "";
        if (exponent is < -4 or >= Digits)
        {
            string fraction = digits.Length > 1 ? "." + digits[1..] : "";
            string size = Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture);
            return $"{sign}{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{size}";
        }

        if (exponent < 0)
        {
            return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        }

        digits = digits.PadRight(exponent + 1, '0');
        string rest = digits[(exponent + 1)..];
        return sign + digits[..(exponent + 1)] + (rest.Length > 0 ? "." + rest : "");
    }
}
