namespace GuestMemFs.LiveUpdate;

/// <summary>A kernel's command line, and what it says about memory (Documentation/admin-guide/kernel-parameters.txt, <c>memmap=</c>).</summary>
internal sealed class KernelCommandLine(string text)
{
    private static readonly char[] s_kinds = ['$', '!', '#', '@', '%'];

    /// <summary>As it is passed on.</summary>
    public string Text { get; } = text.Trim();

    /// <summary>The running kernel's.</summary>
    public static KernelCommandLine OfRunningKernel => new(File.ReadAllText("/proc/cmdline"));

    /// <summary>The next kernel's, as a plan says.</summary>
    public static KernelCommandLine Of(KernelSettings settings)
    {
        string first = settings.CommandLine?.Trim() ?? OfRunningKernel.Text;
        return new KernelCommandLine(settings.Append is { Length: > 0 } more ? $"{first} {more}" : first);
    }

    /// <summary>Its words. One may hold blanks, between quotation marks, which stay in it.</summary>
    public IEnumerable<string> Words
    {
        get
        {
            bool quoted = false;
            int start = 0;
            for (int i = 0; i <= Text.Length; i++)
            {
                if (i == Text.Length || (!quoted && char.IsWhiteSpace(Text[i])))
                {
                    if (i > start)
                    {
                        yield return Text[start..i];
                    }

                    start = i + 1;
                }
                else if (Text[i] == '"')
                {
                    quoted = !quoted;
                }
            }
        }
    }

    /// <summary>What it keeps apart: ranges by kind. Several of them may be in one word, between commas.</summary>
    public IEnumerable<(MemoryRange Range, char Kind)> Reserved
    {
        get
        {
            foreach (string word in Words.Where(word => word.StartsWith("memmap=", StringComparison.Ordinal)))
            {
                foreach (string part in word["memmap=".Length..].Trim('"').Split(','))
                {
                    int at = part.IndexOfAny(s_kinds);
                    if (at > 0 && KernelNumber.TryParse(part.AsSpan(0, at), out ulong length) && KernelNumber.TryParse(part.AsSpan(at + 1), out ulong start))
                    {
                        yield return (new MemoryRange(start, length), part[at]);
                    }
                }
            }
        }
    }

    /// <summary>What of this memory a kernel with this command line would take for its own.</summary>
    public IEnumerable<ReservedMemory> Missing(IEnumerable<ReservedMemory> needed, IReadOnlyList<MemoryRange> firmware)
    {
        List<(MemoryRange Range, char Kind)> reserved = [.. Reserved];
        return needed.Where(one => !firmware.Any(range => range.Covers(one.Range)) && !reserved.Any(entry => entry.Kind == one.Kind && entry.Range.Covers(one.Range)));
    }
}
