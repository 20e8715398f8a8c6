namespace KvStore.Server;

/// <summary>A master that cannot be followed now; the message says why.</summary>
internal sealed class MasterException(string message) : Exception(message)
{
    private const int LongestShown = 100;

    /// <summary>True where trying again is dear: all keys would be sent again.</summary>
    public bool IsDear { get; init; }

    /// <summary>Bytes of a master's as the log may show them.</summary>
    public static string Shown(string text) =>
        string.Concat(text.Take(LongestShown).Select(it => it is >= ' ' and < (char)127 ? it : '?'));
}
