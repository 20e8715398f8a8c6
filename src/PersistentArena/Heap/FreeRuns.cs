namespace GuestMemFs.Heap;

/// <summary>
/// Free runs of pages that are known, by size and by place. Volatile; made when the first is known, which on a warm
/// start is not on the way to the first answer.
/// </summary>
/// <remarks>Not thread-safe: the heap's lock is held.</remarks>
internal sealed class FreeRuns
{
    private readonly SortedSet<(long Pages, long Start)> _bySize = [];
    private readonly Dictionary<long, long> _byStart = [];
    private readonly Dictionary<long, long> _byEnd = [];

    public long Pages { get; private set; }

    public long Largest => _bySize.Count > 0 ? _bySize.Max.Pages : 0;

    /// <summary>The runs of at least so many pages, the smallest first. No run is added while they are read.</summary>
    public SortedSet<(long Pages, long Start)> OfAtLeast(long pages) =>
        _bySize.GetViewBetween((pages, 0), (long.MaxValue, long.MaxValue));

    /// <summary>The run that ends before a page; its start is 0 where there is none.</summary>
    public (long Pages, long Start) EndingAt(long page) =>
        _byEnd.TryGetValue(page, out long start) ? (page - start, start) : default;

    /// <summary>The length of the run that starts at a page; 0 where there is none.</summary>
    public long PagesFrom(long page) => _byStart.GetValueOrDefault(page);

    public void Add(long start, long pages)
    {
        _bySize.Add((pages, start));
        _byStart.Add(start, pages);
        _byEnd.Add(start + pages, start);
        Pages += pages;
    }

    public void Remove(long start, long pages)
    {
        _bySize.Remove((pages, start));
        _byStart.Remove(start);
        _byEnd.Remove(start + pages);
        Pages -= pages;
    }
}
