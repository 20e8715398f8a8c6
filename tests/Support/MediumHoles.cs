namespace GuestMemFs.Support;

/// <summary>A heap's pages, of 64 KiB, that a pretended medium has no memory for.</summary>
public sealed class MediumHoles
{
    private const int PageShift = 16;

    /// <summary>Which they are.</summary>
    public HashSet<long> Pages { get; } = [];

    /// <summary>True where one of them is in a range.</summary>
    public bool Meet(long offset, long length) => FirstHeld(offset, length) != (offset, length);

    /// <summary>The first stretch of a range without one; its length is 0 where there is none.</summary>
    public (long Offset, long Length) FirstHeld(long offset, long length)
    {
        long end = offset + length;
        long start = offset;
        while (start < end && Pages.Contains(start >> PageShift))
        {
            start = NextPage(start);
        }

        long stop = start;
        while (stop < end && !Pages.Contains(stop >> PageShift))
        {
            stop = NextPage(stop);
        }

        return (Math.Min(start, end), Math.Max(0, Math.Min(stop, end) - start));
    }

    private static long NextPage(long offset) => ((offset >> PageShift) + 1) << PageShift;
}
