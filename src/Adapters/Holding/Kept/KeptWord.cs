using System.Globalization;

namespace GuestMemFs.Holding;

/// <summary>
/// What was meant to be kept, told to the next kernel's userspace in a word of its command line, which the kernel
/// itself passes over: nothing else is sure to be there after a kexec, and without it nobody could say that something
/// was lost.
/// </summary>
/// <param name="Store">The arena's name at its holder.</param>
/// <param name="ArenaId">The arena.</param>
/// <param name="Files">Memfds.</param>
/// <param name="Bytes">Bytes.</param>
/// <param name="BootId">The kernel that preserved it.</param>
public sealed record KeptWord(string Store, Guid ArenaId, int Files, long Bytes, Guid BootId)
{
    private const string Prefix = "gmfs.kept=";

    /// <summary>The words of a command line.</summary>
    public static IReadOnlyList<KeptWord> Read(string commandLine)
    {
        ArgumentNullException.ThrowIfNull(commandLine);
        return [.. new KernelCommandLine(commandLine).Words.Select(TryParse).OfType<KeptWord>()];
    }

    /// <summary>A command line without such words of an earlier kexec, with those.</summary>
    public static string Write(string commandLine, IEnumerable<KeptWord> words)
    {
        ArgumentNullException.ThrowIfNull(commandLine);
        IEnumerable<string> others = new KernelCommandLine(commandLine).Words.Where(word =>
            !word.StartsWith(Prefix, StringComparison.Ordinal));
        return string.Join(' ', [.. others, .. words.Select(word => word.ToString())]);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Prefix}{Store},{ArenaId:N},{Files},{Bytes},{BootId:N}");

    private static KeptWord? TryParse(string word)
    {
        string[] parts = word.StartsWith(Prefix, StringComparison.Ordinal) ? word[Prefix.Length..].Split(',') : [];
        return parts.Length == 5 && Guid.TryParseExact(parts[1], "N", out Guid arena)
            && Guid.TryParseExact(parts[4], "N", out Guid boot)
            && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out int files)
            && long.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out long bytes)
            ? new KeptWord(parts[0], arena, files, bytes, boot)
            : null;
    }
}
