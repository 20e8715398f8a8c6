using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>SLOWLOG, LATENCY and MONITOR: what the server does, and how long it takes.</summary>
internal static class Observation
{
    private const int ShownByDefault = 10;

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("server",
    [
        new("monitor", 1, ForOperators | NoScript, KeySpec.None, Monitor)
            { Since = "1.0.0", Summary = "Listen for all requests received by the server in real time" },
        new("slowlog", -2, NoFlags, KeySpec.None, null)
        {
            Since = "2.2.12",
            Summary = "A container for slow log commands",
            Subcommands =
            [
                HelpTexts.Of("slowlog", "6.2.0"),
                new("slowlog|get", -2, ForOperators, KeySpec.None, SlowLogGet)
                    { Since = "2.2.12", Summary = "Get the slow log's entries" },
                new("slowlog|len", 2, ForOperators, KeySpec.None, SlowLogLen)
                    { Since = "2.2.12", Summary = "Get the slow log's length" },
                new("slowlog|reset", 2, ForOperators, KeySpec.None, SlowLogReset)
                    { Since = "2.2.12", Summary = "Clear all entries from the slow log" },
            ],
        },
        new("latency", -2, NoFlags, KeySpec.None, null)
        {
            Since = "2.8.13",
            Summary = "A container for latency diagnostics commands",
            Subcommands =
            [
                HelpTexts.Of("latency", "2.8.13"),
                new("latency|latest", 2, ForOperators | NoScript, KeySpec.None, Latest)
                    { Since = "2.8.13", Summary = "Return the latest latency samples for all events." },
                new("latency|history", 3, ForOperators | NoScript, KeySpec.None, History)
                    { Since = "2.8.13", Summary = "Return timestamp-latency samples for the event." },
                new("latency|graph", 3, ForOperators | NoScript, KeySpec.None, Graph)
                    { Since = "2.8.13", Summary = "Return a latency graph for the event." },
                new("latency|reset", -2, ForOperators | NoScript, KeySpec.None, Reset)
                    { Since = "2.8.13", Summary = "Reset latency data for one or more events." },
                new("latency|doctor", 2, ForOperators | NoScript, KeySpec.None, Doctor)
                    { Since = "2.8.13", Summary = "Return a human readable latency analysis report." },
                new("latency|histogram", -2, ForOperators | NoScript, KeySpec.None, Histogram)
                    { Since = "7.0.0", Summary = "Return the cumulative distribution of latencies of commands." },
            ],
        },
    ]);

    public static void Monitor(in Call call)
    {
        if (call.Session.RunsTransaction)
        {
            call.Reply.Error("ERR MONITOR isn't allowed for DENY BLOCKING client"u8);
            return;
        }

        call.Engine.Monitors.Add(call.Session);
        call.Engine.HasMonitors = true;
        call.Reply.Ok();
    }

    public static void SlowLogGet(in Call call)
    {
        long count = ShownByDefault;
        if (call.Args.Count > 3)
        {
            call.Reply.Error(Errors.NoSuchForm(call.Args.Shown(1), "SLOWLOG"));
            return;
        }

        if (call.Args.Count == 3 && (!Numbers.TryParse(call.Args[2], out count) || count < -1))
        {
            call.Reply.Error("ERR count should be greater than or equal to -1"u8);
            return;
        }

        SlowLog log = call.Engine.SlowLog;
        count = count < 0 ? log.Count : Math.Min(count, log.Count);
        call.Reply.Array(count);
        foreach (SlowLogEntry entry in log.Entries.Take((int)count))
        {
            call.Reply.Array(6);
            call.Reply.Integer(entry.Id);
            call.Reply.Integer(entry.UnixSeconds);
            call.Reply.Integer(entry.Microseconds);
            call.Reply.Array(entry.Arguments.Length);
            foreach (string argument in entry.Arguments)
            {
                call.Reply.Bulk(System.Text.Encoding.Latin1.GetBytes(argument));
            }

            call.Reply.Bulk(entry.Address);
            call.Reply.Bulk(entry.Name);
        }
    }

    public static void SlowLogLen(in Call call) => call.Reply.Integer(call.Engine.SlowLog.Count);

    public static void SlowLogReset(in Call call)
    {
        call.Engine.SlowLog.Clear();
        call.Reply.Ok();
    }

    public static void Latest(in Call call)
    {
        (string Name, LatencySeries Series)[] all = [.. call.Engine.Latency.All];
        call.Reply.Array(all.Length);
        foreach ((string name, LatencySeries series) in all)
        {
            call.Reply.Array(4);
            call.Reply.Bulk(name);
            call.Reply.Integer(series.Latest.UnixSeconds);
            call.Reply.Integer(series.Latest.Milliseconds);
            call.Reply.Integer(series.Longest);
        }
    }

    public static void History(in Call call)
    {
        LatencySeries? series = call.Engine.Latency.Find(call.Args.Text(2));
        call.Reply.Array(series?.Samples.Count ?? 0);
        foreach ((long time, long milliseconds) in series?.Samples ?? [])
        {
            call.Reply.Array(2);
            call.Reply.Integer(time);
            call.Reply.Integer(milliseconds);
        }
    }

    public static void Graph(in Call call)
    {
        if (call.Engine.Latency.Find(call.Args.Text(2)) is not { } series)
        {
            call.Reply.Error($"ERR No samples available for event '{call.Args.Shown(2)}'");
            return;
        }

        call.Reply.Verbatim(LatencyGraph.Draw(call.Args.Text(2), series, WallClock.Now.ToUnixTimeSeconds()));
    }

    public static void Reset(in Call call)
    {
        int count = call.Args.Count == 2 ? call.Engine.Latency.ResetAll() : 0;
        for (int i = 2; i < call.Args.Count; i++)
        {
            count += call.Engine.Latency.Reset(call.Args.Text(i)) ? 1 : 0;
        }

        call.Reply.Integer(count);
    }

    public static void Doctor(in Call call)
    {
        if (call.Engine.Options.LatencyThreshold == 0)
        {
            call.Reply.Verbatim(
                "Nothing is measured: CONFIG SET latency-monitor-threshold MILLISECONDS lets it be.\n");
            return;
        }

        string[] lines = [.. call.Engine.Latency.All.Select(it =>
            $"{it.Name}: {it.Series.Samples.Count} seconds with one, the longest {it.Series.Longest} ms.\n")];
        call.Reply.Verbatim(lines.Length == 0 ? "Nothing took longer than the threshold.\n" : string.Concat(lines));
    }

    /// <summary>Of all commands that were called, or of those that are named.</summary>
    public static void Histogram(in Call call)
    {
        List<Command> commands = [];
        for (int i = 2; i < call.Args.Count; i++)
        {
            // One with subcommands stands for all of them.
            Command? named = call.Table.FindByFullName(call.Args[i]);
            commands.AddRange((named?.Subcommands ?? []).Prepend(named).OfType<Command>());
        }

        CommandStatistics statistics = call.Engine.CommandStatistics;
        IEnumerable<Command> asked = call.Args.Count > 2 ? commands.Distinct()
            : call.Table.WithSubcommands.OrderBy(it => it.Name, StringComparer.Ordinal);
        commands = [.. asked.Where(it => statistics.Of(it.Number).Times is not null)];
        call.Reply.Map(commands.Count);
        foreach (Command command in commands)
        {
            IReadOnlyList<(long Microseconds, long Calls)> powers = statistics.Of(command.Number).Times!.ByPowers();
            call.Reply.Bulk(command.Name);
            call.Reply.Map(2);
            call.Reply.Bulk("calls"u8);
            call.Reply.Integer(powers[^1].Calls);
            call.Reply.Bulk("histogram_usec"u8);
            call.Reply.Map(powers.Count);
            foreach ((long microseconds, long calls) in powers)
            {
                call.Reply.Integer(microseconds);
                call.Reply.Integer(calls);
            }
        }
    }
}
