using System.Text;
using KvStore.Engine;

namespace KvStore.Commands;

/// <summary>LATENCY GRAPH: the samples of a kind as columns of text, four lines high, with how long ago each
/// was.</summary>
internal static class LatencyGraph
{
    private const int Columns = 80;
    private const int Rows = 4;
    private const string Steps = "_o#"; // a character has three heights

    public static string Draw(string name, LatencySeries series, long now)
    {
        var samples = series.Samples.ToArray();
        long most = samples.Max(it => it.Milliseconds);
        long least = samples.Min(it => it.Milliseconds);
        var text = new StringBuilder(
            $"{name} - high {most} ms, low {least} ms (all time high {series.Longest} ms)\n");
        text.Append('-', Columns).Append('\n');
        for (int from = 0; from < samples.Length; from += Columns)
        {
            text.Append(from == 0 ? "" : "\n");
            var shown = samples.AsSpan(from, Math.Min(Columns, samples.Length - from));
            DrawColumns(text, shown, least, most);
            DrawAges(text, shown, now);
        }

        return text.ToString();
    }

    private static void DrawColumns(
        StringBuilder to, ReadOnlySpan<(long UnixSeconds, long Milliseconds)> samples, long least, long most)
    {
        for (int row = Rows - 1; row >= 0; row--)
        {
            foreach ((_, long milliseconds) in samples)
            {
                long height = (milliseconds - least) * Steps.Length * Rows / Math.Max(1, most - least);
                long step = Math.Min(height, (Steps.Length * Rows) - 1) - (row * Steps.Length);
                to.Append(step < 0 ? ' ' : step < Steps.Length ? Steps[(int)step] : '|');
            }

            to.Append('\n');
        }

        to.Append(' ', samples.Length).Append('\n');
    }

    /// <summary>From top to bottom, below each column.</summary>
    private static void DrawAges(
        StringBuilder to, ReadOnlySpan<(long UnixSeconds, long Milliseconds)> samples, long now)
    {
        var ages = new string[samples.Length];
        for (int i = 0; i < ages.Length; i++)
        {
            ages[i] = Age(now - samples[i].UnixSeconds);
        }

        int longest = ages.Max(age => age.Length);
        for (int row = 0; row < longest; row++)
        {
            foreach (string age in ages)
            {
                to.Append(row < age.Length ? age[row] : ' ');
            }

            to.Append('\n');
        }
    }

    private static string Age(long seconds) => seconds switch
    {
        < 60 => $"{seconds}s",
        < 3600 => $"{seconds / 60}m",
        < 86_400 => $"{seconds / 3600}h",
        _ => $"{seconds / 86_400}d",
    };
}
