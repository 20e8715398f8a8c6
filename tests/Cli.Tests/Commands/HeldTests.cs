using GuestMemFs.Cli.Terminal;
using GuestMemFs.Cli.Tests.Infrastructure;
using GuestMemFs.Holding;

namespace GuestMemFs.Cli.Tests.Commands;

/// <summary>
/// Arenas in the memory of a holder, which no directory leads to: the same commands, with <c>--holder</c>.
/// </summary>
public sealed class HeldTests
{
    private const string Store = "shop";

    [Fact]
    public void An_arena_at_a_holder_is_made_looked_at_changed_and_checked()
    {
        using var folder = new TestArena();
        string socket = folder.File("hold.sock");
        using HoldServer server = HoldServer.Start(socket);
        Gmfs("create").IsDone();
        Gmfs("create", "blob", "4M").IsDone();
        Assert.Equal("blob", Gmfs("list", "--json").Json.GetProperty("regions")[0].GetProperty("name").GetString());
        Assert.Equal($"{Store} at {socket}", Gmfs("status", "--json").Json.GetProperty("arena").GetString());
        foreach (string[] command in (string[][])[["show", "blob"], ["check"], ["check", "--deep"], ["map"],
            ["top", "--once"], ["freeze"]])
        {
            Gmfs(command).IsDone();
        }

        Gmfs("create", "more", "2M").Is((int)ExitCode.Refused);
        Gmfs("thaw").IsDone();
        Gmfs("create", "more", "2M").IsDone();

        Gmfs("dump", "blob", folder.File("blob.gmfd")).IsDone();
        Gmfs("rm", "blob", "--yes").IsDone();
        Gmfs("restore", folder.File("blob.gmfd")).IsDone();
        Assert.Equal(3, server.Stores.Single(store => store.Name == Store).Files); // the metadata and two regions

        Answer Gmfs(params string[] arguments) => TestArena.Run([.. arguments, "--holder", socket, "--name", Store]);
    }

    [Fact]
    public void A_living_writer_is_looked_at_and_not_disturbed()
    {
        using var folder = new TestArena();
        string socket = folder.File("hold.sock");
        using HoldServer server = HoldServer.Start(socket);
        using Medium medium = Medium.FromHolder(Holders.Open(socket, Store));
        using PersistentArena writer = PersistentArena.Create(new ArenaOptions { Medium = medium });
        using PersistentRegion region = writer.CreateRegion("blob", 2 * TestArena.MiB);
        Assert.Contains("blob", TestArena.Run(["list", "--holder", socket, "--name", Store]).Out,
            StringComparison.Ordinal);
        TestArena.Run(["thaw", "--holder", socket, "--name", Store]).Is((int)ExitCode.Refused);
        writer.CreateRegion("another", 2 * TestArena.MiB).Dispose();
    }

    [Fact]
    public void A_plan_may_lie_there()
    {
        using var folder = new TestArena();
        string socket = folder.File("hold.sock");
        using HoldServer server = HoldServer.Start(socket);
        TestArena.Run(["create", "--holder", socket, "--name", Store]).IsDone();
        Answer never = TestArena.Run(["live-update", "status", "--holder", socket, "--name", Store]);
        never.IsDone();
        Assert.Contains($"There was never a plan in {Store} at {socket}", never.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_there_or_named_twice_is_refused_with_the_reason()
    {
        using var folder = new TestArena();
        string socket = folder.File("hold.sock");
        Answer nobody = TestArena.Run(["list", "--holder", socket, "--name", Store]);
        nobody.Is((int)ExitCode.NotFound);
        Assert.Contains(socket, nobody.Error, StringComparison.Ordinal);

        using HoldServer server = HoldServer.Start(socket);
        Answer nothing = TestArena.Run(["list", "--holder", socket, "--name", "other"]);
        nothing.Is((int)ExitCode.NotFound);
        Answer both = TestArena.Run(["list", "--holder", socket, "--arena", folder.Directory]);
        both.Is((int)ExitCode.Usage);
    }
}
