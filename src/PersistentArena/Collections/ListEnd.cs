namespace GuestMemFs.Collections;

/// <summary>The key of a list's first or last element, or of a new one beside it.</summary>
internal readonly struct ListEnd(bool last, bool isNew) : IKeyChoice
{
    public bool TryChoose(SortedMapReader map, Span<byte> room, out ReadOnlySpan<byte> key)
    {
        CopyKey end = new(room);
        bool isThere = map.TryReadEnd(last, ref end);
        key = end.Key;
        if (isNew)
        {
            int length = !isThere ? ListKey.Only(room)
                : last ? ListKey.After(key, room)
                : ListKey.Before(key, room);
            key = room[..length];
        }

        return isThere || isNew;
    }
}

/// <summary>The key of the element with so many before it.</summary>
internal readonly struct ListIndex(long index) : IKeyChoice
{
    public bool TryChoose(SortedMapReader map, Span<byte> room, out ReadOnlySpan<byte> key)
    {
        SortedBatch found = map.Select(index);
        key = found.Count > 0 ? found.Key(0) : default;
        return found.Count > 0;
    }
}

/// <summary>A key for a new element with so many before it.</summary>
internal struct ListGap(long index) : IKeyChoice
{
    /// <summary>True where there are not so many elements.</summary>
    public bool IsBehindEnd { get; private set; }

    /// <summary>True where the key would be too long: those beside it have to get new ones first.</summary>
    public bool IsCrowded { get; private set; }

    public bool TryChoose(SortedMapReader map, Span<byte> room, out ReadOnlySpan<byte> key)
    {
        IsCrowded = false;
        key = default;
        long count = map.Count;
        IsBehindEnd = index > count;
        if (IsBehindEnd)
        {
            return false;
        }

        if (index == 0 || index == count)
        {
            return new ListEnd(last: index == count, isNew: true).TryChoose(map, room, out key);
        }

        int length = ListKey.Between(map.Select(index - 1).Key(0), map.Select(index).Key(0), room);
        IsCrowded = length == 0;
        key = room[..length];
        return length > 0;
    }
}
