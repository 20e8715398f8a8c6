using System.Text;

namespace GuestMemFs.Media;

/// <summary>The rules that hold for files of every medium.</summary>
internal static class FileRules
{
    /// <summary>The longest file name, in bytes of UTF-8: guestmemfs takes 254, others 255.</summary>
    public const int MaximumNameBytes = 250;

    /// <summary>Throws where a name is none: empty, with a slash or NUL, a dot or two, or too long.</summary>
    public static void CheckName(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name is "." or ".." || name.AsSpan().IndexOfAny('/', '\0') >= 0)
        {
            throw new ArgumentException($"'{name}' is no file name: a slash, a NUL, '.' and '..' are not allowed.",
                nameof(name));
        }

        int bytes = Encoding.UTF8.GetByteCount(name);
        if (bytes > MaximumNameBytes)
        {
            throw new ArgumentException($"A file name of {bytes} bytes is too long: {MaximumNameBytes} is the limit.",
                nameof(name));
        }
    }

    /// <summary>Throws where a new file of the medium cannot have this length.</summary>
    public static void CheckLength(MediumCapabilities capabilities, long length)
    {
        if (length <= 0 || length % capabilities.FileGranularity != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(length), length,
                $"Files of this medium are multiples of {capabilities.FileGranularity} bytes: round up.");
        }

        if (length > capabilities.MaximumFileLength)
        {
            throw new ArgumentOutOfRangeException(nameof(length), length,
                $"The longest file of this medium is {capabilities.MaximumFileLength} bytes: use several.");
        }
    }
}
