using System.Diagnostics;

namespace GuestMemFs.Tests.Infrastructure;

/// <summary>What one transaction read and appended, and when it ran. Values are appended once in a history.</summary>
internal sealed class HistoryTransaction
{
    /// <summary>What it appended, by list, in its order.</summary>
    public Dictionary<int, List<int>> Appends { get; } = [];

    /// <summary>What it read of lists before it appended to them itself.</summary>
    public Dictionary<int, int[]> Reads { get; } = [];

    /// <summary>What it read that does not agree with what it had read or appended itself; null for nothing.</summary>
    public string? OwnFault { get; private set; }

    public long Began { get; set; } = Stopwatch.GetTimestamp();

    public long Ended { get; set; } = long.MaxValue;

    public void Append(int key, int value)
    {
        if (!Appends.TryGetValue(key, out List<int>? values))
        {
            Appends.Add(key, values = []);
        }

        values.Add(value);
    }

    public void Read(int key, int[] values)
    {
        int[] own = Appends.TryGetValue(key, out List<int>? appended) ? [.. appended] : [];
        if (!values.AsSpan().EndsWith(own))
        {
            OwnFault = $"list {key} without what the transaction appended itself";
        }

        int[] before = values[..Math.Max(0, values.Length - own.Length)];
        if (!Reads.TryAdd(key, before) && !Reads[key].AsSpan().SequenceEqual(before))
        {
            OwnFault = $"list {key} read twice, and not the same";
        }
    }

    /// <summary>It ended now.</summary>
    public HistoryTransaction End()
    {
        Ended = Stopwatch.GetTimestamp();
        return this;
    }
}
