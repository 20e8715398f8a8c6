namespace GuestMemFs.Collections;

/// <summary>
/// Gives elements of a list keys at equal distances, where too many came between two neighbours: as few of them as it
/// takes. In a group, which keeps other writers out.
/// </summary>
internal sealed class ListSpreading(PersistentSortedMap map)
{
    private const int FewestBeside = 16;

    /// <summary>Makes room before the element with so many before it.</summary>
    public void Spread(long index)
    {
        long beside = FewestBeside;
        while (!TrySpread(Math.Max(0, index - beside), Math.Min(map.Count, index + beside)))
        {
            beside *= 2;
        }
    }

    private bool TrySpread(long first, long end)
    {
        byte[] low = first > 0 ? KeyAt(first - 1) : [];
        byte[] high = end < map.Count ? KeyAt(end) : [];
        long count = end - first;
        Span<byte> room = stackalloc byte[ListKey.Longest];
        byte[][] keys = new byte[count][];
        for (long i = 0; i < count; i++)
        {
            int length = ListKey.Spread(low, high, (i, count), room);
            if (length == 0)
            {
                return false;
            }

            keys[i] = room[..length].ToArray();
        }

        Move(KeysFrom(first, count), keys);
        return true;
    }

    // Those that move up from the last one on, those that move down from the first one on: so none comes to a key that
    // another one still has.
    private void Move(List<byte[]> from, byte[][] to)
    {
        for (int i = from.Count - 1; i >= 0; i--)
        {
            MoveOne(from[i], to[i], up: true);
        }

        for (int i = 0; i < from.Count; i++)
        {
            MoveOne(from[i], to[i], up: false);
        }
    }

    private void MoveOne(byte[] from, byte[] to, bool up)
    {
        int order = to.AsSpan().SequenceCompareTo(from);
        if (up ? order > 0 : order < 0)
        {
            TakeValue taken = default;
            map.Mutate(from, ref taken);
            map.Set(to, taken.Value);
        }
    }

    private List<byte[]> KeysFrom(long first, long count)
    {
        List<byte[]> keys = [];
        SortedMapCursor cursor = map.Scan(KeyAt(first));
        while (keys.Count < count && cursor.MoveNext())
        {
            keys.Add(cursor.Current.Key.ToArray());
        }

        return keys;
    }

    private byte[] KeyAt(long index) => map.Core.Reader.Select(index).Key(0).ToArray();
}
