namespace GuestMemFs.Heap;

/// <summary>
/// Finds, among slabs and runs that are added in the order of their pages, the stretch with the least in it that could
/// be emptied.
/// </summary>
/// <param name="pages">How long it has to be at least.</param>
/// <param name="longest">The longest free run in bytes: a longer block could not be moved anywhere.</param>
/// <param name="failed">First pages of stretches that are left out.</param>
internal sealed class StretchFinder(long pages, long longest, HashSet<long> failed)
{
    private readonly Queue<(long Page, long Pages, long Used)> _units = new();
    private long _end;
    private long _length;
    private long _used;
    private long _leastUsed = long.MaxValue;

    /// <summary>The best one so far; its length is 0 where there is none.</summary>
    public (long Start, long Pages) Best { get; private set; }

    /// <param name="page">The first page of a slab or run.</param>
    /// <param name="unit">What it is.</param>
    /// <param name="used">Bytes in use in it, or -1 where they cannot be moved.</param>
    public void Add(long page, PageDescriptor unit, long used)
    {
        bool stays = used < 0 || (unit.Kind == PageKind.Run && used > longest);
        if (stays || page != _end)
        {
            _units.Clear();
            (_length, _used) = (0, 0);
        }

        if (stays)
        {
            return;
        }

        _units.Enqueue((page, unit.Count, used));
        (_end, _length, _used) = (page + unit.Count, _length + unit.Count, _used + used);
        while (_length - _units.Peek().Pages >= pages)
        {
            (_, long less, long lessUsed) = _units.Dequeue();
            (_length, _used) = (_length - less, _used - lessUsed);
        }

        if (_length >= pages && _used < _leastUsed && !failed.Contains(_units.Peek().Page))
        {
            (_leastUsed, Best) = (_used, (_units.Peek().Page, _length));
        }
    }
}
