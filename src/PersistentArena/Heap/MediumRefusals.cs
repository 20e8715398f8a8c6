namespace GuestMemFs.Heap;

/// <summary>
/// What the medium had no memory for: for a quarter of a second it is not asked again for the same, since to ask costs
/// far more than a refusal that is known already.
/// </summary>
/// <remarks>Not thread-safe: the heap's lock is held.</remarks>
internal sealed class MediumRefusals
{
    private const long Milliseconds = 250;

    private readonly Dictionary<long, long> _pages = [];
    private long _since;

    /// <summary>Why the medium last refused memory; null where it has given some since.</summary>
    public ArenaOutOfSpaceException? Last { get; private set; }

    /// <summary>True where the memory of so many pages from there, or of fewer, was refused just now.</summary>
    public bool Contains(long page, long pages) =>
        Last is not null && _pages.TryGetValue(page, out long refused) && pages >= refused
            && Environment.TickCount64 - _since < Milliseconds;

    public void Add(long page, long pages, ArenaOutOfSpaceException reason)
    {
        long now = Environment.TickCount64;
        if (Last is null || now - _since >= Milliseconds)
        {
            _pages.Clear();
            _since = now;
        }

        _pages[page] = Math.Min(pages, _pages.GetValueOrDefault(page, long.MaxValue));
        Last = reason;
    }

    /// <summary>The medium has memory again.</summary>
    public void Clear() => Last = null;
}
