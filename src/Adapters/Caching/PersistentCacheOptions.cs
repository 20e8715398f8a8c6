namespace GuestMemFs.Caching;

/// <summary>Options of a <see cref="PersistentCache"/>.</summary>
public sealed class PersistentCacheOptions
{
    /// <summary>
    /// How many bytes of keys and values the cache holds at most, 0 or more; a set that passes it removes others. Zero,
    /// the default: as many as fit in the heap.
    /// </summary>
    public long SizeLimit { get; set; }

    /// <summary>The clock by which entries end; the system's where nothing is set.</summary>
    public TimeProvider? TimeProvider { get; set; }
}
