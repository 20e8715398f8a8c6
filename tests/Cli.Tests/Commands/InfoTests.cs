using System.Text.Json;
using GuestMemFs.Cli.Terminal;
using GuestMemFs.Cli.Tests.Infrastructure;
using GuestMemFs.Format;

namespace GuestMemFs.Cli.Tests.Commands;

/// <summary><c>gmfs info</c> says what is on the medium, of damaged arenas too.</summary>
public sealed class InfoTests
{
    [Fact]
    public void Info_tells_superblock_halves_extents_heaps_and_roots()
    {
        using TestArena arena = new TestArena().Filled(1234);

        JsonElement info = Done(arena, "info", "--json").Json;

        JsonElement superblock = info.GetProperty("superblock");
        Guid id = arena.Gmfs("status", "--json").Json.GetProperty("id").GetGuid();
        Assert.Equal(id, superblock.GetProperty("arenaId").GetGuid());
        Assert.Equal("0x0", superblock.GetProperty("features").GetProperty("incompat").GetString());
        JsonElement.ArrayEnumerator parts = info.GetProperty("parts").EnumerateArray();
        Assert.All(parts, part => Assert.True(part.GetProperty("intact").GetBoolean()));
        JsonElement[] halves = [.. info.GetProperty("halves").EnumerateArray()];
        Assert.Single(halves, half => half.GetProperty("inForce").GetBoolean());
        Assert.Equal(2, halves.Length);
        JsonElement region = info.GetProperty("regions")[1];
        Assert.Equal("carts", region.GetProperty("name").GetString());
        Assert.Equal("extent-1", region.GetProperty("extents")[0].GetProperty("file").GetString());
        JsonElement heap = region.GetProperty("heap");
        Assert.True(heap.GetProperty("used").GetInt64() > 1234 * 100);
        JsonElement root = heap.GetProperty("roots")[0];
        Assert.Equal("carts", root.GetProperty("name").GetString());
        Assert.Equal("Dictionary", root.GetProperty("kind").GetString());
        Assert.Equal(1234, root.GetProperty("dictionary").GetProperty("records").GetInt64());
    }

    [Fact]
    public void Info_in_words_names_what_people_look_for()
    {
        using TestArena arena = new TestArena().Filled(1234);

        string text = Done(arena, "info").Out;

        string[] expected =
            ["version 1; compat 0x0", "in force", "extent-1", "dictionary", "1,234 records", "free in between"];
        Assert.All(expected, word => Assert.Contains(word, text, StringComparison.Ordinal));
        Assert.DoesNotContain("damaged", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Info_of_an_arena_that_does_not_open_tells_what_still_reads()
    {
        using TestArena arena = new TestArena().Filled();
        arena.Damage("arena.meta", HalfInForce(arena) + JournalHeader.LogOffset + 40);
        arena.Damage("arena.meta", MetadataLayout.SecondCopy + 40);

        Answer answer = arena.Gmfs("info", "--json");

        Assert.Equal((int)ExitCode.Damaged, answer.Code);
        Assert.Equal(ReasonCodes.JournalDamaged, answer.Json.GetProperty("problem").GetProperty("reason").GetString());
        Assert.NotEqual(Guid.Empty, answer.Json.GetProperty("superblock").GetProperty("arenaId").GetGuid());
        Assert.Contains("superblock's second copy", arena.Gmfs("info").Out, StringComparison.Ordinal);
        Assert.Equal((int)ExitCode.NotFound, TestArena.Run(["info", "--arena", arena.File("none")]).Code);
    }

    [Fact]
    public void Info_of_a_damaged_heap_tells_the_other_regions()
    {
        using TestArena arena = new TestArena().Filled();
        arena.Damage("extent-1", 40);

        JsonElement info = Done(arena, "info", "--json").Json;

        JsonElement[] regions = [.. info.GetProperty("regions").EnumerateArray()];
        Assert.Equal(JsonValueKind.Null, regions[0].GetProperty("problem").ValueKind);
        string problem = regions[1].GetProperty("problem").GetString()!;
        Assert.StartsWith(ReasonCodes.HeapDamaged, problem, StringComparison.Ordinal);
        Assert.True(regions[1].GetProperty("heap").GetProperty("frontier").GetInt64() > 0);
    }

    private static long HalfInForce(TestArena arena)
    {
        using ArenaInspection inspection = ArenaInspection.Open(arena.Directory);
        MetadataSnapshot metadata = inspection.Read().Metadata;
        int index = metadata.JournalHalves.Single(half => half.IsInForce).Index;
        return metadata.Superblock!.HalfOffsetBytes + (index * metadata.Superblock.HalfLengthBytes);
    }

    private static Answer Done(TestArena arena, params string[] command)
    {
        Answer answer = arena.Gmfs(command);
        answer.IsDone();
        return answer;
    }
}
