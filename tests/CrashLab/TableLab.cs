namespace GuestMemFs.CrashLab;

/// <summary>
/// Two tables in one heap, the first one with a feed. After each attach the records, the indexes and the feed have to
/// agree, also when the indexes that are being built are built to their end.
/// </summary>
internal sealed class TableLab(string part) : HeapLab<TableWorld, TableModel>(part)
{
    protected override TableWorld Open(PersistentHeap heap) => new(heap);

    protected override PersistentHeap HeapOf(TableWorld world) => world.Heap;

    protected override void RequireNow(TableWorld world, LabSpace space)
    {
        Assert.Empty(world.Table.Verify());
        Assert.Empty(world.Beside.Verify());
        foreach ((string key, string value) in world.Mail.Ascending())
        {
            Assert.True(world.Mail.TryGetFirst(TableWorld.MailOf(value)!, out KeyValuePair<string, string> first));
            Assert.Equal(key, first.Key);
        }
    }

    protected override bool Upkeep(TableWorld world)
    {
        if (!world.Table.BuildIndexes(TimeSpan.Zero))
        {
            return false;
        }

        Assert.False(world.Table.BuildIndexes(TimeSpan.FromMinutes(1)));
        Assert.Empty(world.Table.Verify());
        Assert.True(world.Late is null || world.Late.IsReady);
        return true;
    }
}

/// <summary>The tables, with all indexes declared that they have.</summary>
internal sealed class TableWorld
{
    public const string LateName = "late";

    public TableWorld(PersistentHeap heap)
    {
        Heap = heap;
        Table = heap.OpenOrCreateTable("t", new PersistentTableOptions<string, string> { KeepsChanges = true });
        City = Table.Index("city", CityOf);
        Mail = Table.UniqueIndex("mail", MailOf);
        Beside = heap.OpenOrCreateTable<string, string>("u");
        Beside.UniqueIndex("mail", MailOf);
        if (Table.Indexes.Contains(LateName))
        {
            Declare();
        }
    }

    public PersistentHeap Heap { get; }

    public PersistentTable<string, string> Table { get; }

    public PersistentTable<string, string> Beside { get; }

    public PersistentIndex<string, string, string> City { get; }

    public PersistentIndex<string, string, string> Mail { get; }

    /// <summary>The index that operations add and drop.</summary>
    public PersistentIndex<string, string, string>? Late { get; private set; }

    /// <summary>The part of a value before the bar.</summary>
    public static string CityOf(string value) => value.Split('|')[0];

    /// <summary>The part of a value behind the bar; null where it is empty.</summary>
    public static string? MailOf(string value) => value.Split('|')[1] is { Length: > 0 } mail ? mail : null;

    public void Declare() => Late = Table.Index(LateName, value => value);

    /// <summary>What it holds, in words.</summary>
    public List<string> Show() =>
    [
        .. Table.OrderBy(it => it.Key, StringComparer.Ordinal).Select(it => $"{it.Key}={it.Value}"),
        "beside", .. Beside.OrderBy(it => it.Key, StringComparer.Ordinal).Select(it => $"{it.Key}={it.Value}"),
        "feed", .. Table.Changes!.Select(it => TableModel.Line(it.Value.Kind, it.Value.Key, it.Value.Value)),
        $"late: {Table.Indexes.Contains(LateName)}",
    ];
}

/// <summary>What they should hold; not how far an index is built or dropped, which takes several groups.</summary>
internal sealed class TableModel : ILabModel<TableWorld, TableModel>
{
    public SortedDictionary<string, string> Records { get; private init; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, string> Beside { get; private init; } = new(StringComparer.Ordinal);

    public List<string> Feed { get; private init; } = [];

    public bool HasLate { get; set; }

    public static string Line(PersistentTableChangeKind kind, string key, string? value) =>
        kind == PersistentTableChangeKind.Set ? $"set {key}={value}" : $"removed {key}";

    public TableModel Copy() => new()
    {
        Records = new(Records, StringComparer.Ordinal),
        Beside = new(Beside, StringComparer.Ordinal),
        Feed = [.. Feed],
        HasLate = HasLate,
    };

    public string Difference(TableWorld world)
    {
        List<string> wanted =
        [
            .. Records.Select(it => $"{it.Key}={it.Value}"), "beside", .. Beside.Select(it => $"{it.Key}={it.Value}"),
            "feed", .. Feed, $"late: {HasLate}",
        ];
        List<string> found = world.Show();
        return found.SequenceEqual(wanted) ? ""
            : $"{string.Join(", ", found)}\ninstead of {string.Join(", ", wanted)}\n";
    }
}
