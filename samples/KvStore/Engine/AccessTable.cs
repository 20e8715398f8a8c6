namespace KvStore.Engine;

/// <summary>
/// One mark for each key that was used, by the key's hash: in the process's memory, so that a read stores nothing in
/// the arena. It begins empty with each start, and may forget: it is for those who choose what goes.
/// </summary>
/// <remarks>A slot has a tag of 32 bits and a mark of 32. Four slots are a bucket; in a full one a mark takes the place
/// of the smallest in it. It doubles as it fills, to 16 million slots.</remarks>
internal sealed class AccessTable
{
    private const int Ways = 4;
    private const int SmallestSize = 1 << 12;
    private const int LargestSize = 1 << 24;

    private ulong[] _slots = new ulong[SmallestSize];
    private int _used;

    /// <summary>The mark of a key; false where none is known.</summary>
    public bool TryGet(ulong hash, out uint mark)
    {
        foreach (ulong slot in Bucket(hash))
        {
            if (slot >> 32 == Tag(hash))
            {
                mark = (uint)slot;
                return true;
            }
        }

        mark = 0;
        return false;
    }

    /// <summary>Sets the mark of a key.</summary>
    public void Set(ulong hash, uint mark)
    {
        Span<ulong> bucket = Bucket(hash);
        int place = 0;
        for (int i = 0; i < Ways; i++)
        {
            if (bucket[i] >> 32 == Tag(hash))
            {
                place = i;
                break;
            }

            place = (uint)bucket[i] < (uint)bucket[place] ? i : place;
        }

        _used += bucket[place] == 0 ? 1 : 0;
        bucket[place] = (Tag(hash) << 32) | mark;
        if (_used > _slots.Length / 4 * 3 && _slots.Length < LargestSize)
        {
            Grow();
        }
    }

    /// <summary>The key is gone.</summary>
    public void Remove(ulong hash)
    {
        foreach (ref ulong slot in Bucket(hash))
        {
            if (slot >> 32 == Tag(hash))
            {
                slot = 0;
                _used--;
            }
        }
    }

    /// <summary>The hash of a key of the database at a place.</summary>
    public static ulong Hash(int place, ReadOnlySpan<byte> key)
    {
        const ulong Factor = 0x9E37_79B9_7F4A_7C15;
        ulong hash = ((ulong)place << 32) ^ (ulong)key.Length;
        for (; key.Length >= sizeof(ulong); key = key[sizeof(ulong)..])
        {
            hash = (hash ^ BitConverter.ToUInt64(key)) * Factor;
            hash ^= hash >> 29;
        }

        foreach (byte one in key)
        {
            hash = (hash ^ one) * Factor;
        }

        hash = (hash ^ (hash >> 31)) * Factor;
        return hash ^ (hash >> 32);
    }

    // Never 0, which is an empty slot's.
    private static ulong Tag(ulong hash) => (hash >> 32) | 1;

    private Span<ulong> Bucket(ulong hash) =>
        _slots.AsSpan((int)((uint)hash & (uint)(_slots.Length / Ways - 1)) * Ways, Ways);

    // Which half a mark belongs to is not known any more: it is in both, until others take the wrong one's place.
    private void Grow()
    {
        ulong[] larger = new ulong[2 * _slots.Length];
        _slots.CopyTo(larger, 0);
        _slots.CopyTo(larger, _slots.Length);
        _slots = larger;
    }
}
