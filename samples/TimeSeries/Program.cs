// A time series store: points in the order of their times, ranges of them, and a time after which they go. A log has
// them: an append is one store, a range is found by its ids, which are times, and a trim of a million points is one
// store too, whose memory comes back in the background.
//
//   dotnet run -c Release --project samples/TimeSeries -- /dev/shm/series
//   add cpu 0.5
//   add cpu 0.7
//   last 60
//   keep 3600
using System.Globalization;
using GuestMemFs;

using PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = args[0] });
PersistentRegion memory = arena.OpenOrCreateRegion(
    "heap", 64 << 20, new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand });
PersistentHeap heap = PersistentHeap.Open(memory);
PersistentLog<(string Series, double Value)> points = heap.OpenOrCreateLog("points",
    new PersistentLogOptions<(string Series, double Value)>
    {
        Serializer = PersistentSerializers.Pair(PersistentSerializers.Text, PersistentSerializers.Default<double>()),
    });

Console.WriteLine($"{points.Count} points");
while (Console.ReadLine() is { Length: > 0 } line)
{
    Console.WriteLine(line.Split(' ') switch
    {
        ["add", var series, var value] => Add(series, double.Parse(value, CultureInfo.InvariantCulture)),
        ["last", var seconds] => Last(Seconds(seconds)),
        ["keep", var seconds] => Keep(Seconds(seconds)),
        _ => "add SERIES VALUE, last SECONDS, keep SECONDS",
    });
}

string Add(string series, double value)
{
    LogEntryId id = points.Append((series, value));
    return $"at {DateTimeOffset.FromUnixTimeMilliseconds((long)id.Milliseconds):HH:mm:ss}";
}

// Reads from the first point of that time on, however many there are before.
string Last(TimeSpan time) => string.Join(", ", points
    .Range(LogEntryId.At(DateTimeOffset.UtcNow - time), LogEntryId.MaxValue)
    .GroupBy(point => point.Value.Series, point => point.Value.Value)
    .Select(it => string.Create(
        CultureInfo.InvariantCulture, $"{it.Key}: {it.Count()}, {it.Average():0.##} on average")));

string Keep(TimeSpan time)
{
    long gone = points.Bytes.TrimBefore(DateTimeOffset.UtcNow - time);
    while (points.Bytes.CollectGarbage(segments: 64))
    {
        // A server does this on a timer.
    }

    return $"{gone} gone, {points.Count} left";
}

static TimeSpan Seconds(string text) => TimeSpan.FromSeconds(double.Parse(text, CultureInfo.InvariantCulture));
