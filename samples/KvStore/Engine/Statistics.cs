namespace KvStore.Engine;

/// <summary>Counters for INFO. Written under the engine's gate.</summary>
internal sealed class Statistics
{
    private long _changesBefore;

    public long Commands { get; set; }

    public long Changes { get; set; }

    public long Hits { get; set; }

    public long Misses { get; set; }

    public long Expired { get; set; }

    /// <summary>Fields of hashes that went at their time.</summary>
    public long ExpiredFields { get; set; }

    /// <summary>Keys that went where there was no room.</summary>
    public long Evicted { get; set; }

    public long OutOfMemory { get; set; }

    public long Errors { get; set; }

    public long Connections { get; set; }

    public long Rejected { get; set; }

    public long BytesIn { get; set; }

    public long BytesOut { get; set; }

    /// <summary>Connections closed because their replies passed the limit.</summary>
    public long Overflowed { get; set; }

    /// <summary>Connections closed because what they made the server keep passed the limit of all.</summary>
    public long InputOverflowed { get; set; }

    /// <summary>All changes, whatever was reset.</summary>
    public long ChangesEver => _changesBefore + Changes;

    public void Reset()
    {
        _changesBefore += Changes;
        Commands = Changes = Hits = Misses = Expired = ExpiredFields = Evicted = OutOfMemory = Errors = 0;
        Connections = Rejected = BytesIn = BytesOut = Overflowed = InputOverflowed = 0;
    }
}
