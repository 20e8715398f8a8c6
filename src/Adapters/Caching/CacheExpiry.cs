using System.Buffers.Binary;
using Microsoft.Extensions.Caching.Distributed;

namespace GuestMemFs.Caching;

/// <summary>
/// When an entry ends: the sixteen bytes before its value, two little-endian numbers. The record's own expiry is the
/// next instant at which that may be so; a hit moves it.
/// </summary>
/// <param name="Absolute">Milliseconds since 1970-01-01 UTC; 0 where there is no such end.</param>
/// <param name="Sliding">Milliseconds without a hit; 0 where that ends nothing.</param>
internal readonly record struct CacheExpiry(long Absolute, long Sliding)
{
    public const int Length = 2 * sizeof(long);

    // A hit moves the expiry where this part of the sliding time has passed: most hits store nothing.
    private const int PartsOfSliding = 64;

    /// <summary>What a caller asked for, at an instant.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The absolute end has passed.</exception>
    public static CacheExpiry Of(DistributedCacheEntryOptions options, DateTimeOffset now)
    {
        DateTimeOffset? end = options.AbsoluteExpirationRelativeToNow is { } after ? After(now, after)
            : options.AbsoluteExpiration;
        if (end <= now)
        {
            throw new ArgumentOutOfRangeException(nameof(options), end,
                $"{nameof(DistributedCacheEntryOptions.AbsoluteExpiration)} {end:O} has passed: it is {now:O}. "
                + "Name a later one, or remove the entry.");
        }

        return new CacheExpiry(
            end is { } at ? Math.Max(at.ToUnixTimeMilliseconds(), now.ToUnixTimeMilliseconds() + 1) : 0,
            options.SlidingExpiration is { } sliding ? Math.Max((long)sliding.TotalMilliseconds, 1) : 0);
    }

    public static CacheExpiry Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadInt64LittleEndian(bytes[sizeof(long)..]));

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Absolute);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[sizeof(long)..], Sliding);
    }

    /// <summary>The record's expiry after a hit.</summary>
    public long After(long now)
    {
        long idle = Sliding == 0 ? long.MaxValue : Sliding > long.MaxValue - now ? long.MaxValue : now + Sliding;
        long end = Math.Min(idle, Absolute == 0 ? long.MaxValue : Absolute);
        return end == long.MaxValue ? RecordView.NoExpiry : end;
    }

    /// <summary>True where a hit has to move the record's expiry.</summary>
    public bool IsMovedBy(long now, long expiresAt) =>
        Sliding > 0 && After(now) - expiresAt > Sliding / PartsOfSliding;

    private static DateTimeOffset After(DateTimeOffset now, TimeSpan time) =>
        time > DateTimeOffset.MaxValue - now ? DateTimeOffset.MaxValue : now + time;
}
