using GuestMemFs.Cli.Tests.Infrastructure;

namespace GuestMemFs.Cli.Tests.Commands;

/// <summary>Commands that change something: done, or refused with nothing changed.</summary>
public sealed class ChangingTests
{
    [Fact]
    public void A_life_of_an_arena()
    {
        using var arena = new TestArena();
        arena.Gmfs("create").IsDone();
        arena.Gmfs("create").Is(3);
        arena.Gmfs("create", "carts", "4M", "--kind", "heap", "--on-demand", "--max-size", "1G").IsDone();
        arena.Gmfs("create", "ram", "4M", "--kind", "guest-ram").IsDone();
        arena.Gmfs("create", "@odd name", "2M").IsDone();
        arena.Gmfs("rm", "@odd name", "--yes").IsDone();
        arena.Gmfs("create", "carts", "4M").Is(3);
        arena.Gmfs("grow", "carts", "+2M").IsDone();
        arena.Gmfs("grow", "ram", "8M").IsDone();
        arena.Gmfs("freeze").IsDone();
        Answer frozen = arena.Gmfs("create", "late", "2M", "--json");
        frozen.Is(3);
        Assert.Equal(ReasonCodes.ArenaFrozen, frozen.Reason);
        arena.Gmfs("thaw").IsDone();
        arena.Gmfs("rm", "ram", "--yes").IsDone();

        using PersistentArena library = PersistentArena.Open(arena.Options);
        RegionInfo left = Assert.Single(library.ListRegions());
        Assert.Equal(("carts", RegionKind.Heap, RegionReserve.OnDemand, 6 * TestArena.MiB, 1L << 30),
            (left.Name, left.Kind, left.Reserve, left.Length, left.MaximumLength));
        Assert.False(library.IsFrozen);
    }

    [Theory]
    [InlineData("create", "x", "3Q")]
    [InlineData("create", "x", "1.5")]
    [InlineData("create", "x", "1M")]
    [InlineData("create", "x")]
    [InlineData("create", "x", "4M", "--kind", "bogus")]
    [InlineData("create", "", "4M")]
    [InlineData("grow", "blob", "2M")]
    [InlineData("grow", "blob", "much")]
    public void What_cannot_be_is_a_wrong_command_line(params string[] command)
    {
        using TestArena arena = new TestArena().Filled();
        arena.Gmfs(command).Is(2);
        Assert.Equal(2, arena.Gmfs("list", "--json").Json.GetProperty("regions").GetArrayLength());
    }

    [Fact]
    public void More_than_there_is_has_no_room()
    {
        using TestArena arena = new TestArena().Filled();
        Answer answer = arena.Gmfs("create", "x", "10T", "--json");
        answer.Is(6);
        Assert.Equal(ReasonCodes.OutOfSpace, answer.Reason);
    }

    [Theory]
    [InlineData("create", "x", "2M")]
    [InlineData("grow", "blob", "8M")]
    [InlineData("rm", "blob", "--yes")]
    [InlineData("freeze")]
    [InlineData("thaw")]
    [InlineData("check", "--deep")]
    public void A_living_writer_is_left_alone(params string[] command)
    {
        using TestArena arena = new TestArena().Filled();
        using PersistentArena writer = PersistentArena.Open(arena.Options);
        Dictionary<string, byte[]> before = arena.Bytes();
        Answer answer = arena.Gmfs([.. command, "--json"]);
        answer.Is(3);
        Assert.Equal(ReasonCodes.ArenaInUse, answer.Reason);
        Answer words = arena.Gmfs(command);
        Assert.Equal(2, words.Error.Split(ReasonCodes.ArenaInUse).Length); // The code stands there once.
        Assert.All(arena.Bytes(), file => Assert.True(before[file.Key].AsSpan().SequenceEqual(file.Value), file.Key));
        writer.CreateRegion("still the writer", 2 * TestArena.MiB).Dispose();
    }

    [Fact]
    public void Deleting_asks_first()
    {
        using TestArena arena = new TestArena().Filled();
        arena.Gmfs("rm", "blob").Is(3);
        arena.Asked("n", "rm", "blob").Is(3);
        arena.Gmfs("show", "blob").IsDone();
        Answer yes = arena.Asked("y", "rm", "blob");
        yes.IsDone();
        Assert.Contains("for good?", yes.Error, StringComparison.Ordinal);
        arena.Gmfs("show", "blob").Is(4);
    }
}
