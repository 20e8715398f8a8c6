namespace GuestMemFs.Caching;

/// <summary>An entry is too large for its cache. Nothing was changed, and nothing was removed for it.</summary>
public sealed class PersistentCacheEntryException : ArgumentException
{
    internal PersistentCacheEntryException(string cache, string key, long length, long limit)
        : base($"The value of key '{Shown(key)}' in cache '{cache}' has {length} bytes; an entry has at most {limit}, "
            + "a quarter of the cache's room. Make the arena's heap or the cache's size limit larger, or keep the "
            + "value elsewhere.")
    {
        Length = length;
        Limit = limit;
    }

    /// <summary>Bytes of the value.</summary>
    public long Length { get; }

    /// <summary>Bytes that an entry of this cache has at most.</summary>
    public long Limit { get; }

    private static string Shown(string key) => key.Length <= 64 ? key : $"{key.AsSpan(0, 64)}…";
}
