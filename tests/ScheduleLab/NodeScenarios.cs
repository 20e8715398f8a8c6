using GuestMemFs.ScheduleLab.Checking;
using static GuestMemFs.ScheduleLab.Checking.NodeOperation;

namespace GuestMemFs.ScheduleLab;

/// <summary>An application's objects: several threads put, insert, remove, link, allocate and release them.</summary>
internal static class NodeScenarios
{
    private static readonly Part[] s_parts = [NodeOperation.Part];

    private static readonly Beginning[] s_beginnings =
    [
        new("node-none", [SetRoot(1)], []) { Parts = s_parts },
        new("node-few", [SetRoot(1), Push(3), Push(2), Put(9), Operation.PutObject('a', "an object")], [])
        {
            Parts = s_parts,
        },
        new("node-erasing", [SetRoot(1), Push(3), Push(2), Put(9)], []) { Parts = s_parts, Erases = true },
    ];

    private static readonly Script[] s_scripts =
    [
        new("node-put", Put(5), Put(6)),
        new("node-free", Free()),
        new("node-free-put", Free(), Put(7)),
        new("node-set-root", SetRoot(5), SetRoot(6)),
        new("node-open-root", Operation.OpenRoot("r", 5)),
        new("node-put-object", Operation.PutObject('a', "in bytes"), Operation.FreeObject('a')),
        new("node-push", Operation.BeginGroup(), Push(4), Operation.CommitGroup()),
        new("node-push-back", Operation.BeginGroup(), Push(4), Push(5), Operation.RollBackGroup()),
        new("node-pop", Operation.BeginGroup(), Pop(), Operation.CommitGroup()),
        new("node-pop-back", Operation.BeginGroup(), Pop(), Pop(), SetRoot(8), Operation.RollBackGroup()),
        new("node-exchange", Operation.BeginGroup(), Exchange(7), Operation.CommitGroup()),
        new("node-exchange-back", Operation.BeginGroup(), Exchange(7), Put(8), Operation.RollBackGroup()),
        new("node-swap", Operation.BeginGroup(), Swap(), Operation.CommitGroup()),
        new("node-swap-left", Operation.BeginGroup(), Swap(), Push(4), Operation.LeaveGroup()),
        new("node-read", Operation.BeginGroup(), Read(), Operation.CommitGroup()),
        new("node-beside", Operation.Set("a key", "in the dictionary")),
    ];

    public static ScenarioTable Table { get; } = new(s_beginnings, s_scripts);
}
