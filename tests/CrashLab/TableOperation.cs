namespace GuestMemFs.CrashLab;

/// <summary>A mutating operation on tables and on the model; what a unique index refuses changes nothing.</summary>
internal sealed record TableOperation(string Name, Action<TableWorld> Run, Action<TableModel> Model)
    : LabOperation<TableWorld, TableModel>(Name, Run, Model)
{
    public override string ToString() => Name;

    public static TableOperation Put(string key, string value) => new(
        $"put {key}={Brief(value)}",
        world => Try(() => world.Table.Set(key, value)),
        model => Set(model.Records, model.Feed, key, value));

    /// <summary>In the other table, which keeps no changes.</summary>
    public static TableOperation PutBeside(string key, string value) => new(
        $"put {key}={Brief(value)} beside",
        world => Try(() => world.Beside.Set(key, value)),
        model => Set(model.Beside, [], key, value));

    public static TableOperation Remove(string key) => new(
        $"remove {key}",
        world => world.Table.Remove(key),
        model =>
        {
            if (model.Records.Remove(key))
            {
                model.Feed.Add(TableModel.Line(PersistentTableChangeKind.Removed, key, null));
            }
        });

    public static TableOperation AddIndex() =>
        new("add the index", world => world.Declare(), model => model.HasLate = true);

    public static TableOperation DropIndex() => new(
        "drop the index", world => world.Table.DropIndex(TableWorld.LateName), model => model.HasLate = false);

    /// <summary>One group of it.</summary>
    public static TableOperation BuildSome() => new(
        "build some", world => world.Table.BuildIndexes(TimeSpan.Zero), _ => { });

    public static TableOperation BuildAll() => new(
        "build all", world => world.Table.BuildIndexes(TimeSpan.FromMinutes(1)), _ => { });

    public static TableOperation TrimFeed(int count) => new(
        $"trim the feed to {count}",
        world => world.Table.Changes!.Bytes.TrimToCount(count),
        model => model.Feed.RemoveRange(0, Math.Max(0, model.Feed.Count - count)));

    public static TableOperation Group(bool commit, params TableOperation[] operations) => new(
        OperationGroup.Name(commit, operations.Select(operation => operation.Name)),
        world => OperationGroup.Run(world.Heap, commit,
            () => Array.ForEach(operations, operation => operation.Run(world))),
        model => Array.ForEach(commit ? operations : [], operation => operation.Model(model)));

    private static string Brief(string value) => value.Length < 20 ? value : $"{value[..10]}... ({value.Length})";

    private static void Try(Action set)
    {
        try
        {
            set();
        }
        catch (DuplicateIndexKeyException)
        {
            // The model refuses it too.
        }
    }

    private static void Set(SortedDictionary<string, string> records, List<string> feed, string key, string value)
    {
        string? mail = TableWorld.MailOf(value);
        if (mail is null || !records.Any(it => it.Key != key && TableWorld.MailOf(it.Value) == mail))
        {
            records[key] = value;
            feed.Add(TableModel.Line(PersistentTableChangeKind.Set, key, value));
        }
    }
}
