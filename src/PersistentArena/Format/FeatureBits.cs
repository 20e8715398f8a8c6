namespace GuestMemFs.Format;

/// <summary>Feature bits of the format, and what this library knows of them.</summary>
/// <remarks>An unknown compat bit is ignored; an unknown ro-compat bit lets the arena be opened read-only; an unknown
/// incompat bit refuses it. None is defined yet.</remarks>
internal static class FeatureBits
{
    /// <summary>The format's version: raised when old libraries must not even look further.</summary>
    public const uint FormatVersion = 1;

    /// <summary>Known read-only-compat bits.</summary>
    public const ulong ReadOnlyCompat = 0;

    /// <summary>Known incompat bits.</summary>
    public const ulong Incompat = 0;
}
