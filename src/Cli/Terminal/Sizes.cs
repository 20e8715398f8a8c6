using System.Globalization;

namespace GuestMemFs.Cli.Terminal;

/// <summary>Sizes as people type and read them.</summary>
internal static class Sizes
{
    private const string Units = "KMGTP";

    private static readonly string[] s_names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

    /// <summary>
    /// A number of bytes with an optional unit: 4096, 512K, 2M, 1.5G, 1GiB. Units are powers of 1024.
    /// </summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        string s = text.Trim().ToUpperInvariant();
        s = s.EndsWith("IB", StringComparison.Ordinal) ? s[..^2] : s.EndsWith('B') ? s[..^1] : s;
        int unit = s.Length > 0 ? Units.IndexOf(s[^1], StringComparison.Ordinal) : -1;
        s = unit >= 0 ? s[..^1] : s;
        if (!decimal.TryParse(s, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)
            || number > long.MaxValue)
        {
            return false;
        }

        decimal value = number;
        for (int i = 0; i <= unit && value <= long.MaxValue; i++)
        {
            value *= 1024;
        }

        if (value > long.MaxValue || value != decimal.Truncate(value))
        {
            return false;
        }

        bytes = (long)value;
        return true;
    }

    /// <summary>A number of bytes, rounded to a tenth of a unit.</summary>
    public static string Of(long bytes)
    {
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < s_names.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {s_names[unit]}");
    }

    /// <summary>So many of something.</summary>
    public static string Count(long number, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{number:N0} {noun}{(number == 1 ? string.Empty : "s")}");

    public static string Percent(long part, long whole) =>
        whole <= 0 ? "-" : string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / whole:0.#} %");
}
