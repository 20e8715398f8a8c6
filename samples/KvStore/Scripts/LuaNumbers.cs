using System.Globalization;

namespace KvStore.Scripts;

/// <summary>Numbers of Lua as C's <c>%.17g</c> shows them.</summary>
internal static class LuaNumbers
{
    public static string Show(double value) =>
        double.IsNaN(value) ? "nan"
        : double.IsInfinity(value) ? (value > 0 ? "inf" : "-inf")
        : Exponent(value.ToString("G17", CultureInfo.InvariantCulture));

    /// <summary>.NET goes over to an exponent at another size than C does.</summary>
    private static string Exponent(string shown)
    {
        int at = shown.IndexOf('E', StringComparison.Ordinal);
        return at < 0 ? shown : string.Concat(shown.AsSpan(0, at), "e", shown.AsSpan(at + 1));
    }
}
