using GuestMemFs.ScheduleLab.Checking;

namespace GuestMemFs.ScheduleLab;

/// <summary>A collection that a beginning has beside the dictionary.</summary>
/// <param name="Root">The name of its root.</param>
/// <param name="Open">Opens it in the writer's heap and in the reader's of another process.</param>
/// <param name="AddContent">Adds what it holds to a content; gives what is wrong with it, or null.</param>
internal sealed record Part(
    string Root,
    Action<World, PersistentHeap, PersistentHeap> Open,
    Func<World, SortedDictionary<string, string>, string?> AddContent)
{
    /// <summary>Names of further roots.</summary>
    public string[] MoreRoots { get; init; } = [];

    /// <summary>What a walk that happens at no one moment has to see; null where each step has a moment.</summary>
    public Func<History, WalkCheck, string?>? WalkProblem { get; init; }

    /// <summary>What the next writer does after a recovery; empty for the dictionary's.</summary>
    public Operation[][] Successors { get; init; } = [];
}

/// <summary>What a walk is judged by: the model at the beginning, and what threads did meanwhile.</summary>
internal sealed record WalkCheck(Model Model, Operation[] Operations)
{
    /// <summary>A name of the model that a walk had to see and did not; null for none.</summary>
    public string? Missed(string prefix, string[] records) => Model.Names.FirstOrDefault(name =>
        name.StartsWith(prefix, StringComparison.Ordinal)
        && !Operations.Any(operation => operation.Keys.Contains(name))
        && !records.Contains($"{name}={Model[name]}"));

    /// <summary>Whether a record was there at the beginning, or some thread put it there.</summary>
    public bool CanBe(string record)
    {
        string key = record.Split('=')[0];
        string value = record[Math.Min(key.Length + 1, record.Length)..].Split('@')[0];
        return Model[key]?.Split('@')[0] == value || Operations.Any(operation =>
            operation.Keys.Contains(key) && operation.Values.Contains(value));
    }
}
