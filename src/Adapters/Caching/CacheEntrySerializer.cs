using System.Buffers;

namespace GuestMemFs.Caching;

/// <summary>An entry as bytes: when it ends, then its value.</summary>
internal sealed class CacheEntrySerializer : IPersistentSerializer<CacheEntry>
{
    public string Shape => "cache entry 1";

    public void Write(CacheEntry value, IBufferWriter<byte> output)
    {
        value.Expiry.Write(output.GetSpan(CacheExpiry.Length));
        output.Advance(CacheExpiry.Length);
        output.Write(value.Value.Span);
    }

    public CacheEntry Read(ReadOnlySpan<byte> bytes) =>
        new(CacheExpiry.Read(bytes), bytes[CacheExpiry.Length..].ToArray());
}
