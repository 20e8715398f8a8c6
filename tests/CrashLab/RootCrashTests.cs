namespace GuestMemFs.CrashLab;

/// <summary>
/// Crash after every store of a root's deletion and of what comes after it: the name is there with all that it had, or
/// is not there, and nothing leaks.
/// </summary>
public sealed class RootCrashTests
{
    private static readonly string[] s_names = ["object 1", "dictionary 1", "map 1", "list 1", "log 1"];

    public static TheoryData<string> Names => [.. s_names];

    internal static IReadOnlyList<FaultScene> FaultScenes { get; } =
    [
        .. s_names.Select(name => new FaultScene($"roots, {name}", () =>
        {
            using RootLab lab = new();
            ExploreDeletion(lab, name, 3);
        })),
        new("roots, converted", () => ExploreMigration(new RootLab())),
        new("roots, values converted", () => ExploreMigrationOfValues(
            new RootLab { CrashRecoveryToo = false }, "typed 1")),
        new("roots, a block of them", () => ExploreFurtherRoots(new RootLab())),
    ];

    internal static bool IsPlace(string file) => file.EndsWith("Emptying.cs", StringComparison.Ordinal)
        || Path.GetFileName(file) is "NamedRoots.cs" or "HeapRoots.cs" or "RootEntries.cs";

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_store_of_a_deletion(string name)
    {
        using RootLab lab = new() { Reorder = new Random(2) };
        ExploreDeletion(lab, name, 20);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_store_of_a_deletion_in_a_heap_that_erases(string name)
    {
        using RootLab lab = new(erases: true);
        ExploreDeletion(lab, name, 3);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_deletion_under_losses_of_power(string name)
    {
        using RootLab lab = new() { PowerLoss = new Random(4) };
        ExploreDeletion(lab, name, 3);
    }

    [Fact]
    public void Every_store_of_a_root_that_has_no_room_in_the_header_page()
    {
        using RootLab lab = new() { Reorder = new Random(6), ChecksBeforeRecovery = true };
        ExploreFurtherRoots(lab);
    }

    [Theory]
    [InlineData("typed 1")]
    [InlineData("typedlist 1")]
    [InlineData("typedset 1")]
    [InlineData("typedqueue 1")]
    [InlineData("typedlog 1")]
    public void Every_store_of_a_migration_of_values(string name)
    {
        // One mechanism: a kill in the recovery is looked at for one of them.
        using RootLab lab = new() { Reorder = new Random(8), CrashRecoveryToo = name == "typed 1" };
        lab.ChecksBeforeRecovery = true;
        ExploreMigrationOfValues(lab, name);
    }

    private static void ExploreMigrationOfValues(RootLab lab, string name)
    {
        lab.Do(Make(name, 5));
        lab.Do(Make("dictionary beside", 2));
        lab.Explore(new LabOperation<RootWorld, RootModel>(
            $"migrate {name}", world => world.MigrateTyped(name), _ => { }));
        lab.Explore(Delete(name));
    }

    [Fact]
    public void Every_store_of_a_migration()
    {
        using RootLab lab = new() { Reorder = new Random(7), ChecksBeforeRecovery = true };
        ExploreMigration(lab);
    }

    private static void ExploreMigration(RootLab lab)
    {
        lab.Do(Make("object 1", 3));
        lab.Do(Make("object 2", 4));
        lab.Explore(Migrate("object 1"));
        lab.Explore(Make("object 3", 0));
        lab.Explore(Delete("object 1"));
    }

    private static void ExploreDeletion(RootLab lab, string name, int count)
    {
        lab.Do(Make("dictionary beside", 2));
        lab.Do(Make("object beside", 1));
        lab.Do(Make(name, count));
        lab.Explore(Delete(name));
        lab.Explore(Make(name.Replace('1', '2'), 0));
        lab.Do(Make(name, 1));
        lab.Explore(Delete(name));
        lab.Explore(Delete("object beside"));
        lab.Explore(Make("object after", 0));
    }

    private static void ExploreFurtherRoots(RootLab lab)
    {
        for (int i = 0; i < 64; i++)
        {
            lab.Do(Make($"object {i}", 1));
        }

        lab.Explore(Make("object further", 0));
        lab.Explore(Make("map further", 0));
        lab.Explore(Delete("object further"));
        lab.Explore(Delete("map further"));
        lab.Explore(Make("map again", 0));
    }

    private static LabOperation<RootWorld, RootModel> Make(string name, int count) => new(
        $"make {name}", world => world.Make(name, count), model => model.Roots[name] = count);

    private static LabOperation<RootWorld, RootModel> Migrate(string name) => new(
        $"migrate {name}", world => Assert.True(world.Migrate(name)), model => model.Roots[name] += 1000);

    private static LabOperation<RootWorld, RootModel> Delete(string name) => new(
        $"delete {name}", world => Assert.True(world.Heap.DeleteRoot(name)), model => model.Roots.Remove(name));
}
