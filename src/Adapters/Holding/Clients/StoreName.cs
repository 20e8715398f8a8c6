namespace GuestMemFs.Holding.Clients;

/// <summary>Names of arenas at a holder.</summary>
internal static class StoreName
{
    /// <summary>
    /// The longest, in characters: short enough for a session's name and, with a file's, for systemd's.
    /// </summary>
    public const int Longest = 48;

    public static void Check(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > Longest || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            || name[0] == '.')
        {
            throw new ArgumentException($"'{name}' cannot be an arena's name at a holder: 1 to {Longest} letters, " +
                "digits, '-', '_' and '.', not beginning with '.'.", nameof(name));
        }
    }
}
