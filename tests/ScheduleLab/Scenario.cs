using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.ScheduleLab.Checking;
using static GuestMemFs.ScheduleLab.Checking.Operation;

namespace GuestMemFs.ScheduleLab;

/// <summary>What a thread does: operations, one after the other.</summary>
internal sealed record Script(string Name, params Operation[] Operations)
{
    /// <summary>True for one that changes nothing.</summary>
    public bool Reads => Operations.All(operation => operation.Reads);
}

/// <summary>How snapshots keep pages.</summary>
internal enum Snapshots
{
    /// <summary>There are none: no store looks for one.</summary>
    None,

    /// <summary>The kernel copies a page of a private mapping.</summary>
    Private,

    /// <summary>A page is copied aside and moved into its place.</summary>
    Copied,
}

/// <summary>Where schedules begin: what was done before the last attach, and what after it by one thread.</summary>
internal sealed record Beginning(string Name, Operation[] Before, Operation[] After)
{
    /// <summary>What there is beside the dictionary.</summary>
    public Part[] Parts { get; init; } = [];

    /// <summary>Whether there are snapshots, and how they keep pages.</summary>
    public Snapshots Snapshots { get; init; }

    /// <summary>Whether values have checksums.</summary>
    public bool Checksums { get; init; }

    /// <summary>Whether the heap erases what it frees.</summary>
    public bool Erases { get; init; }
}

/// <summary>A beginning, and a script for each thread.</summary>
internal sealed record Scenario(Beginning Beginning, params Script[] Threads)
{
    /// <summary>The time does not pass.</summary>
    public const long Now = 1_000_000;

    private const long Later = 2_000_000;
    private const long Passed = 1_000;

    public static readonly UInt128 Seed = new(0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210);

    // Keys of one bucket; every second one moves when it is split.
    private static readonly string[] s_same = [.. KeysWhere(hash => (hash & 7) == 1).Take(8).Zip(KeysWhere(hash =>
        (hash & 7) == 5).Take(8)).SelectMany(pair => new[] { pair.First, pair.Second })];
    private static readonly string[] s_others = [.. KeysWhere(hash => (hash & 3) != 1).Take(40)];

    public static string A => s_same[0];

    public static string B => s_same[1];

    private static string New => s_same[9];

    private static readonly Operation[] s_same7 = [.. s_same.Take(7).Select((key, i) => Set(key, $"the value {i}"))];
    private static readonly Operation[] s_same8 = [.. s_same.Take(8).Select((key, i) => Set(key, $"the value {i}"))];

    // Of every four blocks one stays.
    private static readonly Operation[] s_scattered =
        [.. Enumerable.Range(0, 40).Select(i => Set($"fill{i}", Big('f')))];

    private static readonly Operation[] s_holes =
        [.. Enumerable.Range(0, 40).Where(i => i % 4 != 0).Select(i => Remove($"fill{i}"))];

    // One of each size that the scripts use, so that the lane has some blocks in its cache.
    private static readonly Operation[] s_warm = [Set("warm", "some"), Remove("warm"), Set("warm", new string('w', 40)),
        Remove("warm")];

    public static readonly Beginning[] Beginnings =
    [
        new("empty", [], []),
        new("one", [Set(A, "the value 0"), Set(B, "the value 1"), Increment("n"), PutObject('a', "an object")], s_warm),
        new("full-bucket", s_same7, s_warm),
        new("overflow", s_same8, s_warm),
        new("garbage", [.. s_same8, Clear(), Set(A, "the value 0"), Set(B, "the value 1")], []),
        new("about-to-split", [.. s_same8, .. s_others.Take(14).Select(key => Set(key, "v"))], []),
        new("half-doubled", [.. s_same8, .. s_others.Take(15).Select(key => Set(key, "v"))], []),
        new("expiring", [Set(A, "the value 0", Passed), Set(B, "the value 1", Later), Set("gone", "long", Passed)],
            s_warm),
        new("big", [Set(A, Big('a')), Set(B, Big('b')), Set("third", Big('c'))], []),
        
        new("scattered", [.. s_scattered, Set(A, Big('a')), .. s_holes], []),
        new("full", [Set(A, "the value 0"), Set(B, "the value 1"), .. Enumerable.Range(0, 40).Select(i =>
            Set($"fill{i}", new string('f', 2_000))), Remove("fill3"), Remove("fill5")], []),
        new("checked", [Set(A, "the value a"), Set(B, "the value b"), Increment("n"), Set("gone", "long", Passed)],
            s_warm) { Checksums = true },
        new("erasing", [Set(A, "the value a"), Set(B, "the value b"), Increment("n"), PutObject('a', "an object")],
            s_warm) { Erases = true },
    ];

    public static readonly Script[] Scripts =
    [
        new("set-new", Set(New, "a new one")),
        new("set", Set(A, "another va")),
        new("set-longer", Set(A, "a value that takes a larger block than it had")),
        new("set-big", Set(A, Big('x'))),
        new("set-large", Set(A, new string('L', 3_000))),
        new("remove", Remove(A)),
        new("remove-last", Remove(s_same[7])),
        new("remove-set", Remove(A), Set(New, "in its place")),
        new("increment", Increment("n")),
        new("expire", Expire(A, Later)),
        new("expire-never", Expire(B, 0)),
        new("add", Add(New, "added")),
        new("update", Update(A, "the value 0", "exchanged")),
        new("get", Get(A)),
        new("get-elsewhere", Get(A, elsewhere: true)),
        new("get-many", GetMany(A, B)),
        new("scan", Scan()),
        new("scan-elsewhere", Scan(elsewhere: true)),
        new("clear", Clear()),
        new("clear-collect-set", Clear(), Collect(64), Set(A, "after that"), Set(New, "and that")),
        new("collect", Collect(64)),
        new("remove-expired", RemoveExpired()),
        new("compact", Compact()),
        new("group", BeginGroup(), Set(A, "in a group"), Remove(B), Set(New, "grouped"), CommitGroup()),
        new("group-back", BeginGroup(), Set(A, "in a group"), Remove(B), RollBackGroup()),
        new("group-objects", BeginGroup(), PutObject('a', "a grouped object"), Set(A, "in a group"), FreeObject('a'),
            RollBackGroup()),
        new("group-left", BeginGroup(), Set(A, "in a group"), Remove(B), LeaveGroup()),
        new("put-object", PutObject('a', "an object of mine")),
        new("free-object", FreeObject('a')),
        new("open-root", OpenRoot("r", 5)),
    ];

    // Not among the pairs: each is for one place.
    private static readonly Script[] s_special =
    [
        new("remove-three", Remove(A), Remove(B), Remove("third")),
        new("set-two-big", Set(New, Big('x')), Set("another", Big('y'))),
        new("get-seventh", Get(s_same[6])),
        new("set-of-a-segment", Clear(), Collect(64), Set(New, new string('m', 309))),
        new("clear-twice", Clear(), Collect(64), Clear(), Collect(64), Set(New, "in its place")),
        new("group-back-set", BeginGroup(), Set(A, "in a group"), RollBackGroup(), Set(New, "in its place")),
        new("set-elsewhere", Set("other", "in another bucket")),
        new("compact-fill", [Compact(), .. Enumerable.Range(0, 24).Select(i => Set($"new{i}", Big('z')))]),
        new("put-object-set", PutObject('a', "an object of mine"), Set("other", "where it was...")),
        new("set-group-increment", Set(A, "before it"), BeginGroup(), Increment("n"), RollBackGroup()),
        new("small-group", BeginGroup(), Set(A, "in a group"), CommitGroup()),
        new("small-group-back", BeginGroup(), Set(B, "in a group"), RollBackGroup()),
        new("get-fill0", Get("fill0")),
        new("set-runs", Set("other", Run('R')), Set("another", Run('S'))),
        new("remove-runs", Remove(A), Remove(B)),
        new("remove-set-runs", Remove(A), Set(New, Run('R')), Set("another", Run('S'))),
    ];

    private static readonly Beginning[] s_specialBeginnings =
    [
        new("runs", [Set("gone", Run('g')), Set(A, Run('a')), Set(B, Run('b')), Set("third", Run('c')),
            Remove("gone")], []),
    ];

    /// <summary>The dictionary's beginnings, and those that are for one place.</summary>
    public static IEnumerable<Beginning> AllBeginnings => Beginnings.Concat(s_specialBeginnings);

    /// <summary>The collections that stand beside the dictionary.</summary>
    public static ScenarioTable[] Tables =>
    [
        SortedScenarios.Table, LogScenarios.Table, NodeScenarios.Table, ElementScenarios.Lists, ElementScenarios.Queues,
        ElementScenarios.Groups, ElementScenarios.Nested, .. ChunkScenarios.Tables, SnapshotScenarios.Table,
    ];

    /// <summary>Every pair of every table, and of the dictionary's own.</summary>
    public static IEnumerable<Scenario> AllPairs() => Pairs().Concat(Tables.SelectMany(table => table.Pairs()))
        .Concat(SnapshotScenarios.Pairs());

    public string Name => $"{Beginning.Name}/{string.Join('+', Threads.Select(script => script.Name))}";

    public override string ToString() => Name;

    /// <summary>The scenario of a name, as <see cref="Name"/> gives it.</summary>
    public static Scenario Parse(string name)
    {
        string[] parts = name.Split('/', '+');
        Beginning[] beginnings = [.. AllBeginnings, .. Tables.SelectMany(table =>
            table.Beginnings)];
        Script[] scripts = [.. Scripts, .. s_special, .. Tables.SelectMany(table => table.Scripts)];
        return new(beginnings.Single(beginning => beginning.Name == parts[0]), [
            .. parts.Skip(1).Select(part => scripts.Single(script => script.Name == part))]);
    }

    /// <summary>Scenarios for one place in the sources each, which the pairs do not meet, and with how many preemptions
    /// they are looked into.</summary>
    public static IEnumerable<(Scenario Scenario, int Preemptions)> Specials() =>
    [
        (Parse("big/remove-three+set-two-big"), 2),
        (Parse("overflow/remove-last+get-seventh"), 2),
        (Parse("about-to-split/set-new+get-seventh"), 2),
        (Parse("one/get+set-of-a-segment"), 2),
        (Parse("one/get+clear-twice"), 2),
        (Parse("one/get+group-back-set"), 2),
        (Parse("empty/set-new+set-elsewhere"), 2),
        (Parse("one/set-new+set-elsewhere"), 2),
        (Parse("one/put-object+put-object-set"), 2),
        (Parse("one/set-group-increment+increment"), 2),
        (Parse("empty/small-group+small-group-back+add"), 1),
        (Parse("scattered/get-fill0+compact-fill"), 1),
        (Parse("runs/remove-runs+set-runs"), 1),
        (Parse("runs/remove-set-runs+get"), 1),
    ];

    /// <summary>True where no thread changes anything, so that there is nothing to meet.</summary>
    public bool OnlyReads => Threads.All(script => script.Reads);

    /// <summary>Every beginning with every two scripts of which one writes. Without room for an empty table a clear
    /// removes key by key, as documented, and has no one moment: that is left out.</summary>
    public static IEnumerable<Scenario> Pairs() =>
        new ScenarioTable(Beginnings, Scripts).Pairs().Where(pair => pair.Beginning.Name != "full" || !pair.Clears);

    /// <summary>Three scripts, drawn from a seed.</summary>
    public static Scenario Triple(Random random)
    {
        while (true)
        {
            Scenario triple = new(Beginnings[random.Next(Beginnings.Length)], [.. Enumerable.Range(0, 3).Select(_ =>
                Scripts[random.Next(Scripts.Length)])]);
            if (triple.Beginning.Name != "full" || !triple.Clears)
            {
                return triple;
            }
        }
    }

    // Four of its blocks are a slab: who comes next takes the one that was freed.
    private static string Big(char letter) => new(letter, 900);

    // Two pages, which are no slab's; a slow reader copies 4,096 bytes at most.
    private static string Run(char letter) => new(letter, 4_090);

    private static readonly string[] s_dying =
    [
        "set-big", "compact", "set-new", "set", "set-longer", "remove", "remove-last", "remove-set", "expire", "clear",
        "clear-collect-set", "group", "group-back", "collect", "remove-expired",
    ];

    private bool Clears => Threads.Any(script => script.Operations.Any(operation => operation.Name == "clear"));

    /// <summary>A reader of another process, and a writer that dies.</summary>
    public static IEnumerable<Scenario> Deaths() =>
        from beginning in Beginnings
        from reader in Scripts
        where reader.Name == "get-elsewhere" || (reader.Name == "scan-elsewhere" && beginning.Name == "one")
        from writer in Scripts
        where s_dying.Contains(writer.Name)
        let pair = new Scenario(beginning, reader, writer)
        where beginning.Name != "full" || !pair.Clears
        select pair;

    /// <summary>What the next writer does after the recovery: it takes blocks of the sizes that the dead one
    /// used.</summary>
    public Operation[][] Successors =>
        Beginning.Parts.FirstOrDefault(part => part.Successors.Length > 0)?.Successors ?? s_successors;

    private static readonly Operation[][] s_successors =
    [
        [Set("successor", "the next's")],
        [Set("successor", Big('s'))],
        [Remove(B), Set("succ1", "of another"), Set("succ2", "of a third ")],
    ];

    private static IEnumerable<string> KeysWhere(Func<ulong, bool> fits)
    {
        SipHash hash = new((ulong)Seed, (ulong)(Seed >> 64));
        for (int i = 0; ; i++)
        {
            string key = "k" + i;
            if (fits(hash.Hash(Encoding.UTF8.GetBytes(key))))
            {
                yield return key;
            }
        }
    }
}
