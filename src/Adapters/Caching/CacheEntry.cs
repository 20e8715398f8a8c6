namespace GuestMemFs.Caching;

/// <summary>A cached value, and when it ends.</summary>
/// <param name="Expiry">When it ends.</param>
/// <param name="Value">Its bytes.</param>
internal readonly record struct CacheEntry(CacheExpiry Expiry, ReadOnlyMemory<byte> Value);
