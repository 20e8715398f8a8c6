using System.Numerics;

namespace KvStore.Engine;

/// <summary>How long calls of each command took: LATENCY HISTOGRAM. Used under the engine's gate.</summary>
internal sealed class LatencyHistograms
{
    // A call of up to 1024 ns counts in the first; each has twice the time of the one before.
    private const int FirstNanoseconds = 1024;
    private const int Buckets = 25;

    // Redis counts in steps of 1/128: a bucket ends with the step that its time is in.
    private const int Steps = 128;

    private readonly Dictionary<string, long[]> _calls = new(StringComparer.Ordinal);

    /// <summary>The commands that were called, in the order of their names.</summary>
    public IEnumerable<string> Names => _calls.Keys.Order(StringComparer.Ordinal);

    public void Add(string command, TimeSpan elapsed)
    {
        if (!_calls.TryGetValue(command, out long[]? counts))
        {
            _calls[command] = counts = new long[Buckets];
        }

        long nanoseconds = Math.Max(1, elapsed.Ticks * TimeSpan.NanosecondsPerTick);
        int bucket = BitOperations.Log2((ulong)((nanoseconds - 1) / FirstNanoseconds)) + 1;
        counts[nanoseconds <= FirstNanoseconds ? 0 : Math.Min(bucket, Buckets - 1)]++;
    }

    /// <summary>For each bucket that has calls: up to how many microseconds they took, and how many took so long or
    /// less.</summary>
    public IReadOnlyList<(long Microseconds, long Calls)> Find(string command)
    {
        List<(long, long)> found = [];
        long calls = 0;
        long[] counts = _calls.GetValueOrDefault(command, []);
        for (int i = 0; i < counts.Length; i++)
        {
            calls += counts[i];
            if (counts[i] > 0)
            {
                long nanoseconds = (long)FirstNanoseconds << i;
                found.Add(((nanoseconds + (nanoseconds / Steps) - 1) / 1000, calls));
            }
        }

        return found;
    }

    public void Reset() => _calls.Clear();
}
