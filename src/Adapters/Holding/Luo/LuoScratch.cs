namespace GuestMemFs.Holding;

/// <summary>
/// The scratch areas of a kexec handover, in bytes: memory of the running kernel that holds nothing to keep, in which
/// the next one boots.
/// </summary>
/// <param name="Low">Below 4 GiB.</param>
/// <param name="Anywhere">Anywhere.</param>
/// <param name="EachNode">On each NUMA node.</param>
public readonly record struct LuoScratch(long Low, long Anywhere, long EachNode)
{
    /// <summary>
    /// Reads <c>kho_scratch=LOW,ANYWHERE,NODE</c>; null where it is not that (<c>kho_scratch=200%</c> scales the
    /// default).
    /// </summary>
    public static LuoScratch? Parse(string? word)
    {
        string[] sizes = word is null ? [] : word[(word.IndexOf('=', StringComparison.Ordinal) + 1)..].Split(',');
        return sizes.Length == 3 && Bytes(sizes[0]) is { } low && Bytes(sizes[1]) is { } anywhere
            && Bytes(sizes[2]) is { } node ? new LuoScratch(low, anywhere, node) : null;
    }

    private static long? Bytes(string text) => KernelNumber.TryParse(text, out ulong bytes) && bytes <= long.MaxValue
        ? (long)bytes : null;
}
