using System.Globalization;

namespace GuestMemFs.Media;

/// <summary>Small files of /proc and /sys, which may be missing.</summary>
internal static class KernelFile
{
    /// <summary>The text without white space around it; null where the file is not there or not for us.</summary>
    public static string? TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A number; null where there is none.</summary>
    public static long? TryReadNumber(string path) =>
        long.TryParse(TryRead(path), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)
            ? value : null;
}
