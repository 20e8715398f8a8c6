using GuestMemFs.ScheduleLab.Checking;
using static GuestMemFs.ScheduleLab.Checking.Operation;

namespace GuestMemFs.ScheduleLab;

/// <summary>Lists and priority queues, which are sorted maps under keys of their own; and savepoints of groups that
/// change both, a dictionary, and a log.</summary>
internal static class ElementScenarios
{
    private static readonly Part[] s_list = [ListOperation.Part];
    private static readonly Part[] s_queue = [QueueOperation.Part];
    private static readonly Part[] s_both = [ListOperation.Part, LogOperation.Part];

    private static readonly Operation[] s_warm = [Set("warm", "some"), Remove("warm")];

    private static readonly Beginning[] s_lists =
    [
        new("list-empty", [], s_warm) { Parts = s_list },
        new("list-one", [ListOperation.Add("only", last: true)], s_warm) { Parts = s_list },
        new("list-full-leaf", [.. Elements(12)], s_warm) { Parts = s_list },
    ];

    private static readonly Beginning[] s_queues =
    [
        new("queue-one", [QueueOperation.Enqueue(5, "five")], s_warm) { Parts = s_queue },
        new("queue-few", [QueueOperation.Enqueue(5, "five"), QueueOperation.Enqueue(3, "three"),
            QueueOperation.Enqueue(5, "cinq")], s_warm) { Parts = s_queue },
    ];

    private static readonly Beginning[] s_groups =
    [
        new("group-few", [Set(Scenario.A, "the value 0"), .. Elements(2), LogOperation.Append("first"),
            LogOperation.Append("second")], s_warm) { Parts = s_both },
    ];

    public static ScenarioTable Lists { get; } = new(s_lists,
    [
        new("list-add-first", ListOperation.Add("new", last: false)),
        new("list-add-last", ListOperation.Add("end", last: true)),
        new("list-take-first", ListOperation.Take(last: false), ListOperation.Take(last: false)),
        new("list-take-last", ListOperation.Take(last: true), ListOperation.Take(last: true)),
        new("list-take-add", ListOperation.Take(last: false), ListOperation.Add("again", last: true)),
        new("list-insert", ListOperation.Insert(1, "between", replaces: false)),
        new("list-set", ListOperation.Insert(0, "another", replaces: true)),
        new("list-get", ListOperation.Get(last: false), ListOperation.Get(last: true)),
        new("list-get-elsewhere", ListOperation.Get(last: true, elsewhere: true)),
        new("list-at", ListOperation.At(1), ListOperation.Count()),
        new("list-group", BeginGroup(), ListOperation.Take(last: false), ListOperation.Add("grouped", last: true),
            CommitGroup()),
        new("list-group-back", BeginGroup(), ListOperation.Take(last: true), ListOperation.Add("grouped", last: false),
            RollBackGroup()),
    ]);

    public static ScenarioTable Queues { get; } = new(s_queues,
    [
        new("queue-enqueue", QueueOperation.Enqueue(4, "four")),
        new("queue-enqueue-same", QueueOperation.Enqueue(5, "again"), QueueOperation.Enqueue(1, "urgent")),
        new("queue-dequeue", QueueOperation.Dequeue(), QueueOperation.Dequeue()),
        new("queue-peek", QueueOperation.Peek(), QueueOperation.Count()),
        new("queue-lease-complete", QueueOperation.Lease(), QueueOperation.Complete()),
        new("queue-lease-return", QueueOperation.Lease(), QueueOperation.Return()),
    ]);

    /// <summary>Groups that go back to a savepoint, beside another writer.</summary>
    public static ScenarioTable Groups { get; } = new(s_groups,
    [
        new("group-savepoint", BeginGroup(), ListOperation.Add("kept", last: true), LogOperation.Append("kept"),
            Savepoint(), ListOperation.Take(last: false), Set(Scenario.A, "not kept"), LogOperation.Append("not kept"),
            LogOperation.Trim(1), BackToSavepoint(), ListOperation.Add("more", last: false), CommitGroup()),
        new("group-savepoint-back", BeginGroup(), Set(Scenario.A, "in a group"), Savepoint(),
            ListOperation.Add("not kept", last: true), LogOperation.Append("not kept"), BackToSavepoint(),
            LogOperation.Append("more"), RollBackGroup()),
        new("group-savepoint-left", BeginGroup(), ListOperation.Take(last: true), Savepoint(),
            Set(Scenario.A, "not kept"), LogOperation.Append("not kept"), BackToSavepoint(), Remove(Scenario.A),
            LeaveGroup()),
        new("group-list-add", ListOperation.Add("beside", last: true)),
        new("group-set", Set(Scenario.A, "another va")),
        new("group-append", LogOperation.Append("beside")),
        new("group-get", Get(Scenario.A), ListOperation.Get(last: true)),
        new("group-log-count", LogOperation.Count(elsewhere: true), LogOperation.LastId()),
    ]);

    /// <summary>Collections that records own: one thread changes them, and others read.</summary>
    public static ScenarioTable Nested { get; } = new(
    [
        new("nested-none", [], []) { Parts = [NestedOperation.Part] },
        new("nested-few", [NestedOperation.Create("o", "old"), NestedOperation.Create("p", "other")], [])
        {
            Parts = [NestedOperation.Part],
        },
        new("nested-dropped", [NestedOperation.Create("o", "old"), NestedOperation.Drop("o"),
            NestedOperation.Create("p", "other")], []) { Parts = [NestedOperation.Part] },
    ],
    [
        new("nested-create", NestedOperation.Create("o", "new")),
        new("nested-create-collect", NestedOperation.Create("o", "new"), NestedOperation.Collect(1),
            NestedOperation.Collect(8)),
        new("nested-drop-collect", NestedOperation.Drop("o"), NestedOperation.Collect(8)),
        new("nested-drop-create", NestedOperation.Drop("o"), NestedOperation.Create("o", "again"),
            NestedOperation.Collect(8)),
        new("nested-put", NestedOperation.Put("p", "another")),
        new("nested-clear-collect", NestedOperation.Clear(), NestedOperation.Collect(2), NestedOperation.Collect(8)),
        new("nested-get", NestedOperation.Get("o")),
        new("nested-get-elsewhere", NestedOperation.Get("o", elsewhere: true),
            NestedOperation.Get("p", elsewhere: true)),
    ]) { HasOneWriter = true };

    /// <summary>Where two preemptions are looked into.</summary>
    public static IEnumerable<Scenario> Meetings() => new[]
    {
        "list-one/list-take-first+list-take-last", "list-one/list-take-add+list-take-last",
        "queue-one/queue-lease-complete+queue-lease-complete", "queue-one/queue-lease-return+queue-dequeue",
        "node-few/node-put+node-free-put",
    }.Select(Scenario.Parse);

    /// <summary>A writer that dies under a reader of another process.</summary>
    public static IEnumerable<Scenario> Deaths() => new[]
    {
        "list-full-leaf/list-get-elsewhere+list-take-add", "nested-few/nested-get-elsewhere+nested-create",
    }.Select(Scenario.Parse);

    private static Operation[] Elements(int count) =>
        [.. Enumerable.Range(0, count).Select(i => ListOperation.Add($"{(char)('a' + i)}", last: true))];
}
