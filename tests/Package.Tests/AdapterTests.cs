using GuestMemFs.PackageTests.Infrastructure;

namespace GuestMemFs.PackageTests;

/// <summary>A user's project gets the live update's package from a folder, and with it what that stands on.</summary>
[Trait("Category", "Package")]
public sealed class AdapterTests(PackedRepository packed) : IClassFixture<PackedRepository>
{
    private const string Program = """
        using GuestMemFs;
        using GuestMemFs.LiveUpdate;
        using GuestMemFs.VirtualMachines;

        using PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = args[0] });
        arena.OpenOrCreateRegion("web", 4 << 20, new RegionOptions { Kind = RegionKind.GuestRam }).Dispose();
        Console.WriteLine(string.Join(' ', GuestMemory.Of(arena, "web").ToQemuArguments()));
        await using LiveUpdateEndpoint endpoint = LiveUpdateEndpoint.Start(args[0] + ".socket", new Shop(arena), arena);
        using var updater = new LiveUpdater(args[0]);
        var plan = new LiveUpdatePlan
        {
            Arena = args[0],
            Kernel = new() { Image = "/no/such/kernel" },
            Services = [new() { Name = "shop", Socket = endpoint.SocketPath }],
        };
        foreach (LiveUpdateFinding finding in await updater.CheckAsync(plan))
        {
            Console.WriteLine(finding);
        }

        Console.WriteLine("checked");

        sealed class Shop(PersistentArena arena) : ILiveUpdateParticipant
        {
            public string Name => "shop";
            public Task PrepareAsync(CancellationToken cancellation) => Task.CompletedTask;
            public Task<string> SaveAsync(CancellationToken cancellation) => Task.FromResult(arena.Id.ToString());
            public Task FreezeAsync(CancellationToken cancellation) { arena.Freeze(); return Task.CompletedTask; }
            public Task VerifyAsync(string saved, CancellationToken cancellation) =>
                saved == arena.Id.ToString() ? Task.CompletedTask
                    : throw new InvalidOperationException("another arena");
            public Task ResumeAsync(string saved, CancellationToken cancellation) => Task.CompletedTask;
            public Task AbortAsync(string? saved, CancellationToken cancellation)
            {
                arena.Thaw();
                return Task.CompletedTask;
            }
        }
        """;

    [Fact]
    public async Task A_participant_of_a_users_own_is_asked_and_answers()
    {
        using var project = new FreshProject(packed.Package, Program, "GuestMemFs.LiveUpdate");
        await project.Build();
        using var arena = new TemporaryDirectory(Directory.Exists("/dev/shm") ? "/dev/shm" : null);
        using var program = new RunningProgram(project.Program, arena["shop"]);
        await program.Line(line => line == "checked");
        Assert.Equal(0, await program.End());
        Assert.Contains("memory-backend-file,id=ram0,size=4194304", program.Output, StringComparison.Ordinal);
        Assert.Contains("kernel: There is no file /no/such/kernel.", program.Output, StringComparison.Ordinal);
        // it answered, and had nothing against it
        Assert.DoesNotContain("shop:", program.Output, StringComparison.Ordinal);
    }
}
