namespace KvStore.Engine;

/// <summary>What took longer than <c>latency-monitor-threshold</c>, by kind: LATENCY. Used under the engine's
/// gate.</summary>
internal sealed class LatencyMonitor
{
    private const int MostSamples = 160;

    private readonly SortedDictionary<string, LatencySeries> _series = new(StringComparer.Ordinal);

    public IEnumerable<(string Name, LatencySeries Series)> All => _series.Select(it => (it.Key, it.Value));

    public LatencySeries? Find(string name) => _series.GetValueOrDefault(name);

    public void Add(string name, long milliseconds)
    {
        if (!_series.TryGetValue(name, out LatencySeries? series))
        {
            _series[name] = series = new LatencySeries(MostSamples);
        }

        series.Add(WallClock.Now.ToUnixTimeSeconds(), milliseconds);
    }

    public bool Reset(string name) => _series.Remove(name);

    public int ResetAll()
    {
        int count = _series.Count;
        _series.Clear();
        return count;
    }
}

/// <summary>The latest samples of one kind: one a second, the longest of it.</summary>
internal sealed class LatencySeries(int most)
{
    private readonly Queue<(long UnixSeconds, long Milliseconds)> _samples = new();

    public IReadOnlyCollection<(long UnixSeconds, long Milliseconds)> Samples => _samples;

    public (long UnixSeconds, long Milliseconds) Latest { get; private set; }

    /// <summary>The longest there ever was.</summary>
    public long Longest { get; private set; }

    public void Add(long unixSeconds, long milliseconds)
    {
        Longest = Math.Max(Longest, milliseconds);
        if (_samples.Count > 0 && Latest.UnixSeconds == unixSeconds)
        {
            if (milliseconds > Latest.Milliseconds)
            {
                ReplaceLatest((unixSeconds, milliseconds));
            }

            return;
        }

        Latest = (unixSeconds, milliseconds);
        _samples.Enqueue(Latest);
        if (_samples.Count > most)
        {
            _samples.Dequeue();
        }
    }

    private void ReplaceLatest((long UnixSeconds, long Milliseconds) sample)
    {
        Latest = sample;
        for (int i = _samples.Count; i > 1; i--)
        {
            _samples.Enqueue(_samples.Dequeue());
        }

        _samples.Dequeue();
        _samples.Enqueue(sample);
    }
}
