namespace GuestMemFs.Collections;

/// <summary>Where one of several sets is that are gone through together.</summary>
internal sealed class SetHead(PersistentSortedMap map)
{
    // So many steps, then a search: sets of very different sizes are not walked through.
    private const int Steps = SlotOrder.Slots;

    private SortedMapCursor _cursor = map.Scan();
    private bool _isBegun;

    public bool IsEnded { get; private set; }

    public ReadOnlySpan<byte> Member => _cursor.Current.Key;

    public bool MoveNext()
    {
        _isBegun = true;
        IsEnded = IsEnded || !_cursor.MoveNext();
        return !IsEnded;
    }

    /// <summary>Goes to the first member that is not below one; false where there is none.</summary>
    public bool MoveTo(ReadOnlySpan<byte> least)
    {
        if (!_isBegun)
        {
            MoveNext();
        }

        for (int i = 0; i < Steps && !IsEnded && Member.SequenceCompareTo(least) < 0; i++)
        {
            MoveNext();
        }

        if (!IsEnded && Member.SequenceCompareTo(least) < 0)
        {
            _cursor = map.Scan(least);
            MoveNext();
        }

        return !IsEnded;
    }
}
