using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>
/// Which 2 MiB pages of a region are known to have the medium's memory behind them: a bit each, in volatile memory. What is not known is asked of the medium
/// again, which costs a system call and no harm.
/// </summary>
/// <remarks>Any thread may ask and add without a lock; <see cref="Grow"/> excludes itself and <see cref="Add"/>.</remarks>
internal sealed class BackedPages
{
    private readonly Lock _growing = new();
    private ulong[] _bits = [];

    /// <summary>Makes room for the pages of so many bytes.</summary>
    public void Grow(long length)
    {
        lock (_growing)
        {
            int words = checked((int)(((length / PageSizes.Huge2M) + 63) / 64));
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
        long last = (offset + length - 1) / PageSizes.Huge2M;
        for (long page = offset / PageSizes.Huge2M; page <= last; page++)
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
            long end = (offset + length) / PageSizes.Huge2M;
            for (long page = (offset + PageSizes.Huge2M - 1) / PageSizes.Huge2M; page < end && page >> 6 < _bits.Length; page++)
            {
                _bits[page >> 6] |= 1UL << (int)page;
            }
        }
    }
}
