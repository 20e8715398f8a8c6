using System.Globalization;
using GuestMemFs.ScheduleLab.Checking;
using static GuestMemFs.ScheduleLab.Checking.MapOperation;

namespace GuestMemFs.ScheduleLab;

/// <summary>A sorted map's operations in pairs, from trees that are about to split, to join, or neither.</summary>
internal static class SortedScenarios
{
    private static readonly Part[] s_parts = [MapOperation.Part];

    private static readonly string s_big = new('b', 900);

    // Keys are even numbers, so that a new one fits between any two.
    private static readonly Operation[] s_warm = [Operation.Set("warm", "some"), Operation.Remove("warm")];

    private static readonly Beginning[] s_beginnings =
    [
        new("map-few", Numbers(0, 6), s_warm) { Parts = s_parts },
        new("map-full-leaf", Numbers(0, 12), s_warm) { Parts = s_parts },

        // A leaf of five and one of one: the next removal joins them, and the branch above goes.
        new("map-thin", [.. Numbers(0, 13), .. Removals(1, 8)], s_warm) { Parts = s_parts },

        // Leaves of five, of twelve and of two: the branch above stays.
        new("map-three-leaves", [.. Numbers(0, 26), .. Removals(1, 8)], s_warm) { Parts = s_parts },
        new("map-thin-ends", [.. Numbers(0, 26), .. Removals(1, 8), .. Removals(13, 20)], s_warm) { Parts = s_parts },
        new("map-erasing", Numbers(0, 12), s_warm) { Parts = s_parts, Erases = true },

        // Two levels of branches: what is below the lower ones is a total.
        new("map-deep", [.. Numbers(0, 66), .. Removals(1, 4), .. Removals(50, 54)], s_warm) { Parts = s_parts },

        // Of every four blocks one stays.
        new("map-scattered", [.. Enumerable.Range(0, 24).Select(i => Set(Key(i), s_big)),
            .. Enumerable.Range(0, 24).Where(i => i % 4 != 0).Select(i => Remove(Key(i)))], []) { Parts = s_parts },
    ];

    private static readonly Script[] s_scripts =
    [
        new("map-set", Set(Key(0), "another va")),
        new("map-set-new", Set(Key(2, 1), "a new one")),
        new("map-set-last", Set(Key(90), "behind all")),
        new("map-set-longer", Set(Key(0), "a value that takes a larger block than it had")),
        new("map-remove", Remove(Key(0))),
        new("map-remove-last", Remove(Key(12))),
        new("map-remove-set", Remove(Key(0)), Set(Key(2, 1), "in its place")),
        new("map-increment", Increment("n")),
        new("map-get", Get(Key(0))),
        new("map-get-new", Get(Key(2, 1))),
        new("map-get-elsewhere", Get(Key(0), elsewhere: true)),
        new("map-scan", Scan()),
        new("map-scan-down", Scan(descends: true)),
        new("map-scan-elsewhere", Scan(elsewhere: true)),
        new("map-rank", Rank(Key(64))),
        new("map-get-rank", Get(Key(2, 1)), Rank(Key(64))),
        new("map-at", At(7)),
        new("map-remove-set-far", Remove(Key(0)), Set(Key(20, 1), "in its place")),
        new("map-group", Operation.BeginGroup(), Set(Key(2, 1), "grouped"), Remove(Key(0)), Operation.CommitGroup()),
        new("map-group-back", Operation.BeginGroup(), Remove(Key(0)), Set(Key(2, 1), "grouped"),
            Operation.RollBackGroup()),
        new("map-compact", Operation.Compact()),
        new("map-beside", Operation.Set("a key", "in the dictionary")),
    ];

    public static ScenarioTable Table { get; } = new(s_beginnings, s_scripts);

    /// <summary>Where two preemptions are looked into: a split and a join beside another writer, a reader, a walk, a
    /// rank.</summary>
    public static IEnumerable<Scenario> Meetings() => new[]
    {
        "map-full-leaf/map-set-new+map-set-last", "map-full-leaf/map-set-new+map-get",
        "map-full-leaf/map-set-new+map-scan",
        "map-thin/map-set-new+map-remove", "map-thin/map-remove+map-scan", "map-thin-ends/map-remove-set-far+map-rank",
    }.Select(Scenario.Parse);

    /// <summary>A writer that dies under a reader of another process.</summary>
    public static IEnumerable<Scenario> Deaths() =>
        Table.Deaths(["map-full-leaf", "map-thin"], ["map-get-elsewhere"], ["map-set-new", "map-remove-set"]);

    private static Operation[] Numbers(int from, int until) =>
        [.. Enumerable.Range(from, until - from).Select(i => Set(Key(i), $"the value {(char)('a' + i)}"))];

    private static Operation[] Removals(int from, int until) =>
        [.. Enumerable.Range(from, until - from).Select(i => Remove(Key(i)))];

    private static string Key(int number, int behind = 0) =>
        "key" + ((2 * number) + behind).ToString("D3", CultureInfo.InvariantCulture);
}
