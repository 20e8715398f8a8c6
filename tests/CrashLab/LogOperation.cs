using System.Text;

namespace GuestMemFs.CrashLab;

/// <summary>A mutating operation, on a log (or the dictionary beside it) and on the model alike.</summary>
internal sealed record LogOperation(string Name, Action<LogWorld> Run, Action<LogModel> Model)
    : LabOperation<LogWorld, LogModel>(Name, Run, Model)
{
    public override string ToString() => Name;

    /// <summary>Appends under the id that the log gives.</summary>
    public static LogOperation Append(string value)
    {
        LogEntryId given = default;
        return new(
            $"append {value.Length} bytes",
            world => given = world.Log.Append(Encoding.UTF8.GetBytes(value)),
            model => model.Append(given, value));
    }

    /// <summary>Appends under an id a while behind the last one.</summary>
    public static LogOperation AppendLater(string value)
    {
        LogEntryId given = default;
        return new(
            $"append {value.Length} bytes under a higher id",
            world =>
            {
                given = new LogEntryId(world.Log.LastId.Milliseconds + 10, 7);
                world.Log.Append(given, Encoding.UTF8.GetBytes(value));
            },
            model => model.Append(given, value));
    }

    public static LogOperation TrimToCount(int count) => new(
        $"trim to {count}",
        world => world.Log.TrimToCount(count),
        model => model.Entries.RemoveRange(0, Math.Max(0, model.Entries.Count - count)));

    /// <summary>Trims what is before the second entry.</summary>
    public static LogOperation TrimFirst() => new(
        "trim the first",
        world =>
        {
            LogCursor cursor = world.Log.Read();
            if (cursor.MoveNext() && cursor.MoveNext())
            {
                world.Log.TrimBefore(cursor.Current.Id);
            }
        },
        model => model.Entries.RemoveRange(0, model.Entries.Count > 1 ? 1 : 0));

    public static LogOperation Clear() =>
        new("clear", world => world.Log.Clear(), model => model.Entries.Clear());

    public static LogOperation Collect() => new("collect", world => world.Log.CollectGarbage(1), _ => { });

    public static LogOperation SetPosition(string name, ulong to) => new(
        $"set position {name}",
        world => world.Log.SetPosition(name, new LogEntryId(to, to)),
        model => model.Positions[name] = new LogEntryId(to, to));

    public static LogOperation RemovePosition(string name) => new(
        $"remove position {name}",
        world => world.Log.RemovePosition(name),
        model => model.Positions.Remove(name));

    /// <summary>Sets a record of the dictionary beside the log.</summary>
    public static LogOperation Beside(string key, string value) => new(
        $"set {key} beside it",
        world => world.Dictionary.Set(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value)),
        model => model.Beside.Records[key] = (value, 0));

    public static LogOperation Group(bool commit, params LogOperation[] operations) => new(
        OperationGroup.Name(commit, operations.Select(operation => operation.Name)),
        world => OperationGroup.Run(world.Heap, commit,
            () => Array.ForEach(operations, operation => operation.Run(world))),
        model =>
        {
            if (commit)
            {
                Array.ForEach(operations, operation => operation.Model(model));
            }
        });
}
