using System.Globalization;

namespace KvStore.Tests.Torture;

/// <summary>What all tortures of this process survived, printed at its end. Thread-safe.</summary>
internal static class TortureTotals
{
    private static readonly Lock s_lock = new();
    private static readonly List<(string Name, int Kills)> s_parts = [];
    private static TortureCounts s_sum = new();

    /// <summary>Adds a torture that came to its end.</summary>
    public static void Add(string name, TortureCounts counts)
    {
        lock (s_lock)
        {
            s_sum += counts;
            s_parts.Add((name, counts.Kills));
        }
    }

    /// <summary>A line of sums and their parts; nothing where nothing was tortured.</summary>
    public static void Print(TextWriter to)
    {
        lock (s_lock)
        {
            if (s_parts.Count > 0)
            {
                string parts = string.Join(", ",
                    s_parts.Select(part =>
                        string.Create(CultureInfo.InvariantCulture, $"{part.Name} {part.Kills:N0}")));
                to.WriteLine($"count  SIGKILL: {s_sum} ({parts})");
            }
        }
    }
}
