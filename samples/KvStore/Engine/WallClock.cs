namespace KvStore.Engine;

/// <summary>
/// The server's idea of the time, by which keys expire: the machine's clock. Tests put another one here before the
/// server starts.
/// </summary>
internal static class WallClock
{
    public static TimeProvider Source { get; set; } = TimeProvider.System;

    public static DateTimeOffset Now => Source.GetUtcNow();

    /// <summary>Milliseconds since 1970-01-01 UTC.</summary>
    public static long Milliseconds => Now.ToUnixTimeMilliseconds();

    /// <summary>That many milliseconds as a time; the last one there is for later ones.</summary>
    public static DateTimeOffset At(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(
        Math.Clamp(milliseconds, 0, DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));
}
