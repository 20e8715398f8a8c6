using System.Globalization;

namespace KvStore.Engine;

/// <summary>Numbers of bytes as people write them.</summary>
internal static class ByteSize
{
    /// <summary>Reads "4G", "512mb", "1024": units are powers of 1024.</summary>
    public static bool TryParse(string text, out long value)
    {
        value = 0;
        int digits = 0;
        while (digits < text.Length && char.IsAsciiDigit(text[digits]))
        {
            digits++;
        }

        long unit = text[digits..].ToUpperInvariant() switch
        {
            "" or "B" => 1,
            "K" or "KB" or "KIB" => 1L << 10,
            "M" or "MB" or "MIB" => 1L << 20,
            "G" or "GB" or "GIB" => 1L << 30,
            "T" or "TB" or "TIB" => 1L << 40,
            _ => 0,
        };
        if (unit == 0 || !long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture,
            out value) || value > long.MaxValue / unit)
        {
            return false;
        }

        value *= unit;
        return true;
    }
}
