using System.Text.Json;
using GuestMemFs.Cli.Checking;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Cli.Tests.Infrastructure;
using GuestMemFs.Format;

namespace GuestMemFs.Cli.Tests.Commands;

/// <summary>A repair says first what it does, does that and nothing else, and says what it cannot do.</summary>
public sealed class RepairTests
{
    [Fact]
    public void A_whole_arena_is_left_alone()
    {
        using TestArena arena = new TestArena().Filled();
        Dictionary<string, byte[]> before = arena.Bytes();
        Answer answer = arena.Gmfs("repair", "--deep", "--yes", "--json");
        answer.IsDone();
        Assert.Equal(0, answer.Json.GetProperty("steps").GetArrayLength());
        Assert.Contains("nothing to repair", arena.Gmfs("repair").Out, StringComparison.Ordinal);
        AssertSame(before, arena.Bytes());
    }

    [Theory]
    [InlineData(40, ReasonCodes.SuperblockRepaired)]
    [InlineData(MetadataLayout.SecondCopy + 40, ReasonCodes.SuperblockRepaired)]
    [InlineData(MetadataLayout.StateWord, ReasonCodes.StateWordDamaged)]
    [InlineData(MetadataLayout.EpochWord, ReasonCodes.EpochRepaired)]
    [InlineData(MetadataLayout.ActiveWord, ReasonCodes.ActiveWordRepaired)]
    public void What_is_there_twice_is_written_anew(int offset, string code)
    {
        using TestArena arena = new TestArena().Filled();
        arena.Damage("arena.meta", offset);
        Dictionary<string, byte[]> before = arena.Bytes();

        // Nobody said yes: the plan, and not a byte changed.
        Answer plan = arena.Gmfs("repair", "--json");
        plan.Is(3);
        Assert.Equal([("Mend", code)], Steps(plan));
        Assert.False(plan.Json.GetProperty("done").GetBoolean());
        Answer no = arena.Asked("n", "repair");
        no.Is(3);
        Assert.Contains(code, no.Error, StringComparison.Ordinal);
        AssertSame(before, arena.Bytes());

        Answer done = arena.Gmfs("repair", "--yes", "--json");
        done.IsDone();
        Assert.Contains(done.Json.GetProperty("mended").EnumerateArray(),
            text => text.GetString()!.StartsWith(code, StringComparison.Ordinal));
        arena.Gmfs("check", "--deep").IsDone();
        Assert.Equal(1000, Records(arena));
    }

    [Fact]
    public void Files_that_are_not_the_arenas_go_into_quarantine()
    {
        using TestArena arena = new TestArena().Filled();
        using TestArena other = new TestArena().Filled();
        File.Copy(other.File("extent-1"), arena.File("extent-9"));
        File.Copy(arena.File("extent-2"), arena.File("copy"));
        File.Copy(arena.File("arena.meta"), arena.File("old.meta"));
        File.WriteAllText(arena.File("notes.txt"), "keep me");
        Answer done = arena.Asked("y", "repair");
        done.IsDone();
        Assert.Contains("a copy of the arena's metadata", done.Error, StringComparison.Ordinal);
        Assert.Contains("lost by it: nothing", done.Error, StringComparison.Ordinal);
        string quarantine = Assert.Single(Directory.GetDirectories(arena.Directory));
        Assert.Equal(["copy", "extent-9", "notes.txt", "old.meta"],
            Directory.GetFiles(quarantine).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        Assert.Equal("keep me", File.ReadAllText(Path.Combine(quarantine, "notes.txt")));
        arena.Gmfs("check", "--deep").IsDone();
        Assert.Equal(1000, Records(arena));
    }

    [Fact]
    public void Another_arena_in_the_same_directory_is_left_alone()
    {
        using TestArena arena = new TestArena().Filled();
        using TestArena other = new TestArena().Filled();
        File.Copy(other.File("arena.meta"), arena.File("other.meta"));
        File.Copy(other.File("extent-1"), arena.File("extent-9"));
        Dictionary<string, byte[]> before = arena.Bytes();
        Answer check = arena.Gmfs("check", "--json");
        check.IsDone();
        Assert.Equal([ReasonCodes.ForeignFilesIgnored], check.Findings);
        arena.Gmfs("repair", "--yes").IsDone();
        AssertSame(before, arena.Bytes());
    }

    [Fact]
    public void A_region_that_cannot_be_read_is_renamed_and_kept()
    {
        using TestArena arena = new TestArena().Filled();
        arena.Damage("extent-1", 8); // The heap's header.
        File.Delete(arena.File("extent-2"));
        Answer done = arena.Gmfs("repair", "--yes", "--json");
        done.IsDone();
        Assert.Equal([("RenameRegion", ReasonCodes.ExtentMissing), ("RenameRegion", ReasonCodes.HeapDamaged)],
            Steps(done));
        Assert.Equal(["quarantine.1.carts", "quarantine.2.blob"], Names(arena));
        Assert.True(File.Exists(arena.File("extent-1")));

        // Again: nothing more to do, and the names are free.
        arena.Gmfs("repair").IsDone();
        arena.Gmfs("create", "blob", "2M").IsDone();
        arena.Gmfs("rm", "quarantine.2.blob", "--yes").IsDone();
    }

    [Fact]
    public void A_heap_that_is_damaged_inside_is_found_by_deep()
    {
        using TestArena arena = new TestArena().Filled();
        byte[] bytes = File.ReadAllBytes(arena.File("extent-1"));

        // The key of a record: its hash does not belong where it lies any more. (Type 1, a key of 4 bytes, a value of
        // 100 to 149.)
        int at = -1;
        for (int offset = 9 * 65536; at < 0 && offset < bytes.Length; offset += 8)
        {
            ulong word = BitConverter.ToUInt64(bytes, offset);
            at = (word & 0xFFFF_00FF) == 0x0004_0001 && (word >> 32) is >= 100 and < 150 ? offset : -1;
        }

        Assert.True(at > 0, "no record was found");
        arena.Damage("extent-1", at + 8);
        arena.Gmfs("check").IsDone();
        arena.Gmfs("repair").IsDone();
        Answer done = arena.Gmfs("repair", "--deep", "--yes", "--json");
        done.IsDone();
        Assert.Equal([("RenameRegion", ReasonCodes.HeapDamaged)], Steps(done));
        Assert.Equal(["blob", "quarantine.1.carts"], Names(arena));
    }

    [Fact]
    public void Killed_between_two_steps_it_is_run_again()
    {
        using TestArena arena = new TestArena().Filled();
        File.WriteAllText(arena.File("notes.txt"), "stray");
        File.Delete(arena.File("extent-2"));
        using (ArenaInspection inspection = ArenaInspection.Open(arena.Directory))
        {
            inspection.ExcludeWriters();
            IReadOnlyList<RepairStep> steps = RepairSteps.Find(inspection, deep: false, startOver: false);
            Assert.NotNull(Repair.MoveFiles(inspection.Medium, steps)); // And killed here.
        }

        Answer done = arena.Gmfs("repair", "--yes", "--json");
        done.IsDone();
        Assert.Equal([("RenameRegion", ReasonCodes.ExtentMissing)], Steps(done));
        Assert.Equal(["carts", "quarantine.2.blob"], Names(arena));
    }

    [Fact]
    public void What_would_be_guessing_is_not_done()
    {
        using TestArena arena = new TestArena().Filled();
        arena.Damage("arena.meta", 40);
        arena.Damage("arena.meta", MetadataLayout.SecondCopy + 40);
        Dictionary<string, byte[]> before = arena.Bytes();
        Answer answer = arena.Gmfs("repair", "--yes", "--json");
        answer.Is(1);
        Assert.Equal([("CannotBeDone", ReasonCodes.SuperblockDamaged)], Steps(answer));
        AssertSame(before, arena.Bytes());

        // Its files are moved away on request, whole, and a new arena can be made.
        arena.Gmfs("create").Is(3);
        arena.Gmfs("repair", "--start-over").Is(3);
        AssertSame(before, arena.Bytes());
        arena.Gmfs("repair", "--start-over", "--yes").IsDone();
        string quarantine = Assert.Single(Directory.GetDirectories(arena.Directory));
        foreach ((string name, byte[] bytes) in before)
        {
            Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(quarantine, name))), name);
        }

        arena.Gmfs("create").IsDone();
    }

    [Fact]
    public void What_an_interrupted_restore_left_is_removed()
    {
        using TestArena arena = new TestArena().Filled();
        arena.Gmfs("create", Dumps.RestoringRegion.NewName(), "2M").IsDone();
        Answer done = arena.Gmfs("repair", "--yes", "--json");
        done.IsDone();
        Assert.Equal([("RemoveHalfRestored", FindingCodes.HalfRestored)], Steps(done));
        Assert.Equal(["blob", "carts"], Names(arena));
    }

    [Fact]
    public void Beside_a_writer_it_is_refused_and_moves_nothing()
    {
        using TestArena arena = new TestArena().Filled();
        File.WriteAllText(arena.File("notes.txt"), "stray");
        using PersistentArena writer = PersistentArena.Open(arena.Options);
        Answer answer = arena.Gmfs("repair", "--yes", "--json");
        answer.Is(3);
        Assert.Equal(ReasonCodes.ArenaInUse, answer.Reason);
        arena.Gmfs("repair", "--start-over", "--yes").Is(3);
        Assert.Empty(Directory.GetDirectories(arena.Directory));
    }

    private static (string, string)[] Steps(Answer answer) =>
        [.. answer.Json.GetProperty("steps").EnumerateArray().Select(s =>
            (s.GetProperty("kind").GetString()!, s.GetProperty("reason").GetString()!))];

    private static IEnumerable<string> Names(TestArena arena) =>
        arena.Gmfs("list", "--json").Json.GetProperty("regions").EnumerateArray().Select(r =>
            r.GetProperty("name").GetString()!);

    private static long Records(TestArena arena)
    {
        JsonElement region = arena.Gmfs("show", "carts", "--json").Json;
        return region.GetProperty("heap").GetProperty("roots")[0].GetProperty("records").GetInt64();
    }

    private static void AssertSame(Dictionary<string, byte[]> before, Dictionary<string, byte[]> after)
    {
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), after.Keys.Order(StringComparer.Ordinal));
        Assert.All(after, file => Assert.True(before[file.Key].AsSpan().SequenceEqual(file.Value), file.Key));
    }
}
