namespace GuestMemFs.Arena;

/// <summary>
/// Which parts of 64 KiB of a region are known to have the medium's memory behind them: a bit each, in volatile memory.
/// What is not known is asked of the medium again, which costs system calls and no harm.
/// </summary>
/// <remarks>
/// Any thread may ask and add without a lock; <see cref="Grow"/> excludes itself and <see cref="Add"/>.
/// </remarks>
internal sealed class BackedPages
{
    // A heap's page: what is taken from a medium that is nearly full is small.
    private const long Step = 64 << 10;

    private readonly Lock _growing = new();
    private ulong[] _bits = [];

    /// <summary>Makes room for the pages of so many bytes.</summary>
    public void Grow(long length)
    {
        lock (_growing)
        {
            int words = checked((int)(((length / Step) + 63) / 64));
            if (words > _bits.Length)
            {
                ulong[] larger = new ulong[words];
                _bits.CopyTo(larger, 0);
                Volatile.Write(ref _bits, larger);
            }
        }
    }

    /// <summary>True where every page that the range touches is known.</summary>
    public bool Contains(long offset, long length)
    {
        ulong[] bits = Volatile.Read(ref _bits);
        long last = (offset + length - 1) / Step;
        for (long page = offset / Step; page <= last; page++)
        {
            if (page >> 6 >= bits.Length || (Volatile.Read(ref bits[page >> 6]) & (1UL << (int)page)) == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Notes the pages that the range covers whole.</summary>
    public void Add(long offset, long length)
    {
        lock (_growing)
        {
            long end = (offset + length) / Step;
            for (long page = (offset + Step - 1) / Step; page < end && page >> 6 < _bits.Length; page++)
            {
                _bits[page >> 6] |= 1UL << (int)page;
            }
        }
    }
}
