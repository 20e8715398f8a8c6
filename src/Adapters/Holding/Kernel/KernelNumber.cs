using System.Globalization;

namespace GuestMemFs.Holding;

/// <summary>
/// Numbers as the kernel's command line has them: decimal, or hexadecimal after 0x, with a unit K, M, G, T (memparse,
/// lib/cmdline.c).
/// </summary>
public static class KernelNumber
{
    /// <summary>Reads one; false where it is none, or more than 64 bits hold.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ulong value)
    {
        int shift = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, 'G' =>
            30, 'T' => 40, _ => 0 };
        ReadOnlySpan<char> digits = shift == 0 ? text : text[..^1];
        bool parsed = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(digits[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            : ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        if (!parsed || (value << shift) >> shift != value)
        {
            value = 0;
            return false;
        }

        value <<= shift;
        return true;
    }
}
