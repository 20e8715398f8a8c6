using System.Text;

namespace GuestMemFs.Arena;

/// <summary>Which names regions can have.</summary>
internal static class RegionName
{
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false,
        throwOnInvalidBytes: true);

    /// <summary>Throws <see cref="InvalidRegionNameException"/> where a name is none.</summary>
    public static void Check(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length == 0)
        {
            throw new InvalidRegionNameException(name, "it is empty");
        }

        foreach (char c in name)
        {
            if (char.IsControl(c))
            {
                throw new InvalidRegionNameException(Printable(name), $"it has the control character U+{(int)c:X4}");
            }
        }

        int bytes;
        try
        {
            bytes = s_strict.GetByteCount(name);
        }
        catch (EncoderFallbackException)
        {
            throw new InvalidRegionNameException(Printable(name), "it has half of a surrogate pair");
        }

        if (bytes > RegionOptions.MaximumNameBytes)
        {
            throw new InvalidRegionNameException(name, $"it has {bytes} bytes");
        }
    }

    private static string Printable(string name) => string.Create(name.Length, name, static (to, from) =>
    {
        for (int i = 0; i < to.Length; i++)
        {
            to[i] = char.IsControl(from[i]) || char.IsSurrogate(from[i]) ? '?' : from[i];
        }
    });
}
