using GuestMemFs.ScheduleLab.Checking;
using static GuestMemFs.ScheduleLab.Checking.Operation;

namespace GuestMemFs.ScheduleLab;

/// <summary>Snapshots beside what changes the heap: taken, read and ended in the middle of it, and one that was taken
/// before and that several threads read while others change each page for the first time.</summary>
internal static class SnapshotScenarios
{
    private const long TwoPages = 8 << 10;

    private static readonly Script[] s_scripts =
    [
        new("snapshot", SnapshotOperation.Take(), SnapshotOperation.Read(), SnapshotOperation.End()),
        new("snapshot-set", SnapshotOperation.Take(), Set(Scenario.A, "behind it"), SnapshotOperation.Read(),
            SnapshotOperation.End()),
        new("snapshot-left", SnapshotOperation.Take()),
        new("snapshot-small", SnapshotOperation.Take(maximumBytes: TwoPages), SnapshotOperation.Read(mayBeLost: true),
            SnapshotOperation.Read(mayBeLost: true), SnapshotOperation.End()),
        new("snapshot-end", SnapshotOperation.Take(), SnapshotOperation.End()),
        new("snapshot-group", SnapshotOperation.Take(), BeginGroup(), Set(Scenario.A, "in a group"),
            Remove(Scenario.B), CommitGroup(), SnapshotOperation.Read()),
    ];

    // Of the one that all threads share.
    private static readonly Script[] s_shared =
    [
        new("open-snapshot-read", SnapshotOperation.Read(shared: true), SnapshotOperation.Read(shared: true)),
        new("open-snapshot-end", SnapshotOperation.End(shared: true)),
    ];

    private static readonly Beginning[] s_beginnings =
    [
        .. new[] { "one", "about-to-split", "garbage", "scattered", "erasing" }.Select(name =>
            Of(name, "snap-", Snapshots.Private)),
        Of("one", "snapcopy-", Snapshots.Copied),
    ];

    private static readonly Beginning[] s_open =
    [
        .. new[] { "one", "about-to-split", "garbage", "scattered" }.Select(name =>
            Of(name, "snapopen-", Snapshots.Private, SnapshotOperation.Take(shared: true))),
        Of("one", "snapopencopy-", Snapshots.Copied, SnapshotOperation.Take(shared: true)),
        Of("runs", "snapopen-", Snapshots.Private, SnapshotOperation.Take(shared: true)),
    ];

    // Collections beside the dictionary, with scripts of their own that write: nodes that are split, joined and moved,
    // segments that are added and given back, both ends of a list.
    private static readonly (Beginning Beginning, string[] Writers)[] s_others =
    [
        (Of("map-full-leaf", "snap-", Snapshots.Private), ["map-set", "map-set-new", "map-remove-set", "map-group"]),
        (Of("map-thin", "snap-", Snapshots.Private), ["map-remove", "map-increment", "map-group-back"]),
        (Of("map-scattered", "snap-", Snapshots.Private), ["map-compact"]),
        (Of("map-thin", "snapcopy-", Snapshots.Copied), ["map-remove-set"]),
        (Of("log-full-segment", "snap-", Snapshots.Private), ["log-append-three", "log-group", "log-set-position"]),
        (Of("log-garbage", "snap-", Snapshots.Private), ["log-collect", "log-replace", "log-group-back"]),
        (Of("log-full-segment", "snapcopy-", Snapshots.Copied), ["log-trim-append"]),
        (Of("list-full-leaf", "snap-", Snapshots.Private), ["list-take-add", "list-add-first", "list-group-back"]),
    ];

    // The same with one that is open and that all threads share.
    private static readonly (Beginning Beginning, string[] Writers)[] s_othersOpen =
    [
        (Of("map-full-leaf", "snapopen-", Snapshots.Private, SnapshotOperation.Take(shared: true)),
            ["map-set-new", "map-remove-set"]),
        (Of("log-full-segment", "snapopen-", Snapshots.Private, SnapshotOperation.Take(shared: true)),
            ["log-append-three", "log-clear"]),
        (Of("list-full-leaf", "snapopen-", Snapshots.Private, SnapshotOperation.Take(shared: true)),
            ["list-take-add"]),
    ];

    // What is done beside another writer, while a snapshot is open.
    private static readonly string[] s_meeting =
        ["set-new", "set", "increment", "remove-set", "clear-collect-set", "group", "group-back", "compact"];

    /// <summary>Scripts of snapshots beside each other; beside those of the dictionary see
    /// <see cref="Pairs"/>.</summary>
    public static ScenarioTable Table { get; } = new(
        [.. s_beginnings, .. s_open, .. s_others.Concat(s_othersOpen).Select(it => it.Beginning)],
        [.. s_scripts, .. s_shared]);

    /// <summary>Each script of snapshots with each that writes; and two that write, beside an open one.</summary>
    public static IEnumerable<Scenario> Pairs()
    {
        Script[] writers = [.. Scenario.Scripts.Where(script => !script.Reads)];
        Script[] meeting = [.. writers.Where(script => s_meeting.Contains(script.Name))];
        return
        [
            .. from beginning in s_beginnings
               from script in s_scripts
               from writer in writers
               select new Scenario(beginning, script, writer),
            .. from beginning in s_open
               from script in s_shared
               from writer in writers
               select new Scenario(beginning, script, writer),
            .. from beginning in s_open
               from i in Enumerable.Range(0, meeting.Length)
               from j in Enumerable.Range(i, meeting.Length - i)
               select new Scenario(beginning, meeting[i], meeting[j]),
            .. PairsOfOthers(),
        ];
    }

    private static IEnumerable<Scenario> PairsOfOthers()
    {
        Script[] writers = [.. SortedScenarios.Table.Scripts, .. LogScenarios.Table.Scripts,
            .. ElementScenarios.Lists.Scripts];
        return from scripts in new[] { (Of: s_others, Mine: s_scripts), (Of: s_othersOpen, Mine: s_shared) }
               from other in scripts.Of
               from mine in scripts.Mine
               from writer in writers
               where other.Writers.Contains(writer.Name)
               select new Scenario(other.Beginning, mine, writer);
    }

    /// <summary>What each build looks into with one preemption; the long profile takes all pairs, with two.</summary>
    public static IEnumerable<Scenario> Daily() => new[]
    {
        "snap-one/snapshot+set-longer", "snap-one/snapshot+remove-set", "snap-one/snapshot+group",
        "snap-one/snapshot+group-back", "snap-one/snapshot+put-object", "snap-one/snapshot+snapshot-set",
        "snap-one/snapshot-set+snapshot-end", "snap-one/snapshot-small+set-longer",
        "snap-one/snapshot-set+snapshot-small", "snap-garbage/snapshot+collect", "snap-garbage/snapshot-set+clear",
        "snap-garbage/snapshot+clear-collect-set", "snap-about-to-split/snapshot+set-new",
        "snap-about-to-split/snapshot-set+set-new", "snap-scattered/snapshot+compact",
        "snap-erasing/snapshot-set+remove-set", "snapcopy-one/snapshot-set+remove-set",
        "snapopen-one/set+set-large", "snapopen-one/group+set-new", "snapopen-one/clear-collect-set+set",
        "snapopen-one/open-snapshot-read+set-longer", "snapopen-one/open-snapshot-end+set-longer",
        "snapopen-about-to-split/set-new+set-new", "snapopencopy-one/set+set-new",
        "snapopencopy-one/open-snapshot-read+group", "snapopen-runs/remove-set-runs+get",
        "snapopen-one/set-elsewhere+remove", "snapopencopy-one/set-elsewhere+remove",
        "snap-map-full-leaf/snapshot+map-set-new", "snap-map-thin/snapshot-set+map-remove",
        "snap-map-scattered/snapshot+map-compact", "snapcopy-map-thin/snapshot+map-remove-set",
        "snapopen-map-full-leaf/open-snapshot-read+map-set-new", "snap-log-full-segment/snapshot+log-append-three",
        "snap-log-full-segment/snapshot+log-group", "snap-log-garbage/snapshot+log-collect",
        "snapcopy-log-full-segment/snapshot+log-trim-append", "snapopen-log-full-segment/open-snapshot-read+log-clear",
        "snap-list-full-leaf/snapshot+list-take-add", "snapopen-list-full-leaf/open-snapshot-read+list-take-add",
    }.Select(Scenario.Parse);

    /// <summary>A writer that holds a snapshot dies under a reader of another process.</summary>
    public static IEnumerable<Scenario> Deaths() => new[]
    {
        "snap-one/get-elsewhere+snapshot-set", "snapopencopy-one/get-elsewhere+remove-set",
    }.Select(Scenario.Parse);

    private static Beginning Of(string name, string prefix, Snapshots snapshots, params Operation[] after)
    {
        Beginning beginning = Scenario.AllBeginnings.Concat(SortedScenarios.Table.Beginnings)
            .Concat(LogScenarios.Table.Beginnings).Concat(ElementScenarios.Lists.Beginnings)
            .Single(it => it.Name == name);
        return beginning with
        {
            Name = prefix + name,
            Snapshots = snapshots,
            After = [.. beginning.After, .. after],
        };
    }
}
