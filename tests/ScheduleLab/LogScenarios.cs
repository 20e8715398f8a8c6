using GuestMemFs.ScheduleLab.Checking;
using static GuestMemFs.ScheduleLab.Checking.LogOperation;

namespace GuestMemFs.ScheduleLab;

/// <summary>A log's operations in pairs: where the next entry finds room, needs a segment, or a directory; where there
/// is something to trim, and to give back.</summary>
/// <remarks>In the lab a first segment has room for two short entries, a directory for two segments; each second entry
/// has a mark, and a trim or an append gives one segment back.</remarks>
internal static class LogScenarios
{
    private static readonly Part[] s_parts = [LogOperation.Part];

    private static readonly LogRange s_down = new(0, long.MaxValue, Descends: true);

    private static readonly string s_long = new('l', 150);

    // One of each block that the scripts use, so that the lane has some in its cache.
    private static readonly Operation[] s_warm = [Operation.Set("warm", "some"), Operation.Remove("warm")];

    private static readonly Beginning[] s_beginnings =
    [
        new("log-empty", [], s_warm) { Parts = s_parts },
        new("log-one", [.. Entries(1), SetPosition("c", 0)], s_warm) { Parts = s_parts },
        new("log-full-segment", [.. Entries(2), SetPosition("c", 0)], s_warm) { Parts = s_parts },
        new("log-full-directory", [.. Entries(4), SetPosition("c", 1), SetPosition("d", 2)], s_warm)
        {
            Parts = s_parts,
        },

        // Of several marks a segment, the first entries trimmed.
        new("log-many", [.. Entries(13), Trim(1), SetPosition("c", 3)], s_warm) { Parts = s_parts },

        // With segments that are trimmed and not given back.
        new("log-garbage", [.. Entries(12), Trim(9), SetPosition("c", 9)], []) { Parts = s_parts },
        new("log-trimmed", [.. Entries(3), TrimToCount(0)], s_warm) { Parts = s_parts },
        new("log-erasing", [.. Entries(6), Trim(2), SetPosition("c", 3)], s_warm) { Parts = s_parts, Erases = true },
    ];

    private static readonly Script[] s_scripts =
    [
        new("log-append", Append("appended")),
        new("log-append-three", Append("one"), Append("two"), Append("three")),
        new("log-append-long", Append(s_long)),
        new("log-append-at", TryAppend(14, "at 14"), TryAppend(2, "at 2")),
        new("log-get", Get(1)),
        new("log-get-new", Get(4, elsewhere: true)),
        new("log-count", Count(), LastId()),
        new("log-count-elsewhere", LastId(elsewhere: true), Count(elsewhere: true)),
        new("log-walk", Walk(5)),
        new("log-walk-down", Walk(5, s_down)),
        new("log-walk-elsewhere", Walk(5, elsewhere: true)),
        new("log-walk-down-range", Walk(5, new LogRange(1, 4, Descends: true), elsewhere: true)),
        new("log-tail", Walk(4, new LogRange(1, long.MaxValue, Descends: false))),
        new("log-look-elsewhere", Walk(2, new LogRange(1, long.MaxValue, Descends: false), elsewhere: true)),
        new("log-look-down-elsewhere", Walk(2, s_down, elsewhere: true)),
        new("log-trim", Trim(3)),
        new("log-trim-append", TrimToCount(1), Append("one"), Append("two"), Append("three")),
        new("log-append-trim", Append("the last"), TrimToCount(1)),
        new("log-clear", TrimToCount(0)),
        new("log-replace", TrimToCount(0), Append("in place")),
        new("log-collect", LogOperation.Collect(4)),
        new("log-position", GetPosition("c"), LogOperation.Positions()),
        new("log-position-elsewhere", GetPosition("c", elsewhere: true), LogOperation.Positions(elsewhere: true)),
        new("log-set-position", SetPosition("c", 5), SetPosition("c", 6)),
        new("log-add-position", SetPosition("another", 5)),
        new("log-remove-position", RemovePosition("c"), SetPosition("in place", 7)),
        new("log-group", Operation.BeginGroup(), Append("grouped"), Trim(2), SetPosition("c", 2),
            Operation.CommitGroup()),
        new("log-group-back", Operation.BeginGroup(), Append("one"), Trim(2), Append("two"), Append("three"),
            SetPosition("c", 2), SetPosition("another", 2), Operation.RollBackGroup()),
        new("log-group-left", Operation.BeginGroup(), Append("one"), Append("two"), RemovePosition("c"),
            Operation.LeaveGroup()),
        new("log-group-back-append", Operation.BeginGroup(), Append("one"), Append("two"), Operation.RollBackGroup(),
            Append("of another length"), Append("and another")),
        new("log-beside", Operation.Set("a key", "in the dictionary")),
    ];

    public static ScenarioTable Table { get; } = new(s_beginnings, s_scripts);

    /// <summary>Where two preemptions are looked into.</summary>
    public static IEnumerable<Scenario> Meetings() => new[]
    {
        "log-full-segment/log-append+log-append", "log-full-directory/log-append+log-append",
        "log-one/log-append+log-walk", "log-full-directory/log-append+log-walk",
        "log-many/log-walk-down+log-trim", "log-garbage/log-trim-append+log-walk",
        "log-garbage/log-count+log-trim-append", "log-many/log-look-elsewhere+log-trim-append",
        "log-many/log-get+log-trim-append", "log-one/log-position+log-remove-position",
    }.Select(Scenario.Parse);

    /// <summary>A writer that dies under a reader of another process.</summary>
    public static IEnumerable<Scenario> Deaths() => new[]
    {
        "log-full-directory/log-look-elsewhere+log-append", "log-garbage/log-look-elsewhere+log-trim-append",
        "log-full-segment/log-look-elsewhere+log-group-back", "log-many/log-look-down-elsewhere+log-trim",
        "log-one/log-position-elsewhere+log-remove-position",
    }.Select(Scenario.Parse);

    private static Operation[] Entries(int count) =>
        [.. Enumerable.Range(0, count).Select(i => Append(new string((char)('a' + i), 5)))];
}
