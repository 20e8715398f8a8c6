namespace GuestMemFs.Format;

/// <summary>Times as they stand on the medium: milliseconds since 1970 UTC.</summary>
internal static class UnixTime
{
    /// <summary>0001-01-01 and 9999-12-31.</summary>
    private const long First = -62_135_596_800_000;
    private const long Last = 253_402_300_799_999;

    /// <summary>True where a number is a time that can be told.</summary>
    public static bool IsTime(long unixMilliseconds) => unixMilliseconds is >= First and <= Last;

    /// <summary>The time, or the nearest that can be told: for looking at what may be damaged.</summary>
    public static DateTimeOffset Nearest(long unixMilliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(unixMilliseconds, First, Last));
}
