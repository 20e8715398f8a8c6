using System.Globalization;
using System.Text;
using KvStore.Engine;

namespace KvStore.Commands;

/// <summary>The sections of INFO that tell of commands and errors.</summary>
internal static class CommandInfo
{
    /// <summary>Adds a line of a section.</summary>
    public static void Line(StringBuilder to, string name, object value) =>
        to.Append(name).Append(':').Append(CultureInfo.InvariantCulture, $"{value}").Append("\r\n");

    /// <summary>How often each command ran, how long that took, how often it was refused and failed.</summary>
    public static void Counts(StringBuilder to, in Call call)
    {
        foreach (Command command in call.Table.WithSubcommands)
        {
            CommandCounts counts = call.Engine.CommandStatistics.Of(command.Number);
            if (counts.Any)
            {
                double each = counts.Calls == 0 ? 0 : counts.Nanoseconds / 1000.0 / counts.Calls;
                Line(to, $"cmdstat_{command.Name}", string.Create(CultureInfo.InvariantCulture,
                    $"calls={counts.Calls},usec={counts.Nanoseconds / 1000},usec_per_call={each:F2},"
                    + $"rejected_calls={counts.Rejected},failed_calls={counts.Failed}"));
            }
        }
    }

    /// <summary>In how many microseconds so many of a hundred calls were done.</summary>
    public static void Times(StringBuilder to, in Call call)
    {
        IReadOnlyList<double> percentiles = call.Engine.Options.LatencyPercentiles;
        foreach (Command command in call.Table.WithSubcommands)
        {
            if (percentiles.Count > 0 && call.Engine.CommandStatistics.Of(command.Number).Times is { } times)
            {
                Line(to, $"latency_percentiles_usec_{command.Name}", string.Join(',', percentiles.Select(it =>
                    string.Create(CultureInfo.InvariantCulture, $"p{it}={times.Percentile(it) / 1000.0:F3}"))));
            }
        }
    }

    /// <summary>How often errors with each code were replied.</summary>
    public static void ErrorCounts(StringBuilder to, KvEngine engine)
    {
        foreach ((string code, long count) in engine.ErrorCodes.All)
        {
            Line(to, $"errorstat_{code}", $"count={count}");
        }
    }
}
