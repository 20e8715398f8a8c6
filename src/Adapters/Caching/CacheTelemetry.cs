using System.Diagnostics.Metrics;

namespace GuestMemFs.Caching;

/// <summary>The package's meter, <c>GuestMemFs.Caching</c>. It costs nothing where nobody listens.</summary>
internal static class CacheTelemetry
{
    private static readonly Meter s_meter = new("GuestMemFs.Caching",
        typeof(CacheTelemetry).Assembly.GetName().Version?.ToString(3));

    private static readonly Counter<long> s_requests = s_meter.CreateCounter<long>(
        "guestmemfs.cache.requests", unit: "{request}", description: "Reads of the cache, by what they found.");

    private static readonly Counter<long> s_evictions = s_meter.CreateCounter<long>(
        "guestmemfs.cache.evictions", unit: "{entry}", description: "Entries that were removed for room.");

    public static void Read(string cache, bool found)
    {
        if (s_requests.Enabled)
        {
            s_requests.Add(1, new("guestmemfs.cache.name", cache), new("guestmemfs.cache.request.type",
                found ? "hit" : "miss"));
        }
    }

    public static void Evicted(string cache, int entries) =>
        s_evictions.Add(entries, new KeyValuePair<string, object?>("guestmemfs.cache.name", cache));
}
