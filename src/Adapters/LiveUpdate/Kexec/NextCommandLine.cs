using GuestMemFs.Holding;

namespace GuestMemFs.LiveUpdate.Kexec;

/// <summary>
/// The next kernel's command line, and what it says about memory (Documentation/admin-guide/kernel-parameters.txt,
/// <c>memmap=</c>).
/// </summary>
internal static class NextCommandLine
{
    private static readonly char[] s_kinds = ['$', '!', '#', '@', '%'];

    /// <summary>As a plan says.</summary>
    public static KernelCommandLine Of(KernelSettings settings)
    {
        string first = settings.CommandLine?.Trim() ?? RunningKernel.CommandLine.Text;
        return new KernelCommandLine(settings.Append is { Length: > 0 } more ? $"{first} {more}" : first);
    }

    /// <summary>
    /// What a command line keeps apart: ranges by kind. Several of them may be in one word, between commas.
    /// </summary>
    public static IEnumerable<(MemoryRange Range, char Kind)> Reserved(KernelCommandLine line)
    {
        foreach (string word in line.Words.Where(word => word.StartsWith("memmap=", StringComparison.Ordinal)))
        {
            foreach (string part in word["memmap=".Length..].Trim('"').Split(','))
            {
                int at = part.IndexOfAny(s_kinds);
                if (at > 0 && KernelNumber.TryParse(part.AsSpan(0, at), out ulong length)
                    && KernelNumber.TryParse(part.AsSpan(at + 1), out ulong start))
                {
                    yield return (new MemoryRange(start, length), part[at]);
                }
            }
        }
    }

    /// <summary>What of this memory a kernel with this command line would take for its own.</summary>
    public static IEnumerable<ReservedMemory> Missing(
        KernelCommandLine line, IEnumerable<ReservedMemory> needed, IReadOnlyList<MemoryRange> firmware)
    {
        List<(MemoryRange Range, char Kind)> reserved = [.. Reserved(line)];
        return needed.Where(one => !firmware.Any(range => range.Covers(one.Range))
            && !reserved.Any(entry => entry.Kind == one.Kind && entry.Range.Covers(one.Range)));
    }
}
