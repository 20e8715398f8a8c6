using System.Net.Sockets;

namespace GuestMemFs.LiveUpdate.Tests.Participants;

/// <summary>A participant in another program, through its socket.</summary>
public sealed class EndpointTests : IAsyncLifetime
{
    private readonly TestFolder _folder = new();
    private readonly StandInKernel _kernel = new();
    private readonly Actor _actor = new("db", 10);
    private readonly PersistentArena _arena;
    private LiveUpdateEndpoint _endpoint;

    public EndpointTests()
    {
        _arena = PersistentArena.Create(new ArenaOptions { Directory = _folder["arena"] });
        _endpoint = LiveUpdateEndpoint.Start(_folder["socket"], _actor, _arena);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private LiveUpdatePlan Plan => new()
    {
        Arena = _folder["arena"],
        Kernel = new KernelSettings { Image = "/boot/next" },
        Services = [new ServiceSettings { Name = "db", Socket = _folder["socket"], Deadline = 5 }],
    };

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _endpoint.DisposeAsync();
        _arena.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_writer_of_the_arena_makes_the_plans_regions_and_stands_until_the_kernel_is_gone()
    {
        using (LiveUpdater updater = Updater())
        {
            Assert.Empty(await updater.CheckAsync(Plan, Cancellation));
            _arena.Freeze(); // which the actor does not do by itself
            LiveUpdateRefusedException frozen = await Assert.ThrowsAsync<LiveUpdateRefusedException>(() =>
                updater.RunAsync(Plan, Cancellation));
            Assert.Contains("frozen", frozen.Message, StringComparison.Ordinal);
            _arena.Thaw();
            await updater.PlanAsync(Plan, Cancellation);
            Assert.NotNull(_arena.FindRegion(PlanJournal.RegionName));
            _arena.Freeze();
            await updater.RunPlannedAsync(Cancellation);
            Assert.Equal(1, _kernel.Entered);
        }

        // Who asked is gone, and the kernel was being entered: it still stands.
        await Task.Delay(200, Cancellation);
        Assert.Equal(Actor.Doing.Gone, _actor.Does);

        _kernel.Replace();
        using LiveUpdater next = Updater();
        Assert.Equal(PlanPhase.Done, (await next.ResumeAsync(cancellationToken: Cancellation)).Phase);
        Assert.Equal(Actor.Doing.Runs, _actor.Does);
    }

    [Fact]
    public async Task An_arena_whose_writer_does_not_freeze_it_is_not_taken_into_the_next_kernel()
    {
        using LiveUpdater updater = Updater();
        LiveUpdateException refused = await Assert.ThrowsAsync<LiveUpdateException>(() =>
            updater.RunAsync(Plan, Cancellation));
        Assert.Contains("is not frozen", refused.Message, StringComparison.Ordinal);
        Assert.Equal(Actor.Doing.Runs, _actor.Does);
        Assert.Equal(0, _kernel.Entered);
    }

    [Fact]
    public async Task Where_who_asked_goes_away_it_goes_on()
    {
        using (var service = new ServiceParticipant(Plan.Services[0]))
        {
            Assert.Equal("1", await service.SaveAsync(Cancellation));
            Assert.Equal(Actor.Doing.Stands, _actor.Does);
        }

        await RunsAsync();

        // And once it stands frozen.
        using (var service = new ServiceParticipant(Plan.Services[0]))
        {
            await service.SaveAsync(Cancellation);
            await service.FreezeAsync(Cancellation);
            Assert.Equal(Actor.Doing.Gone, _actor.Does);
        }

        await RunsAsync();
    }

    [Fact]
    public async Task One_that_was_saved_by_who_was_killed_has_gone_on_and_is_saved_again()
    {
        using (LiveUpdater killed = Updater())
        {
            await killed.PlanAsync(Plan, Cancellation);
        }

        using (PersistentArena look = PersistentArena.Open(
            new ArenaOptions { Directory = _folder["arena"], Access = ArenaAccess.ReadOnly }))
        using (PersistentRegion region = look.BorrowRegion(PlanJournal.RegionName))
        {
            var journal = new PlanJournal(region);
            PlanRecord record = journal.Read()!;
            journal.Write(record.With(record.Of("db") with { Step = ParticipantStep.Saved,
                Saved = "1" }) with { Phase = PlanPhase.Saving });
        }

        _actor.Memory = 2; // written to in between
        _arena.Freeze(); // which the actor does not do by itself
        using (LiveUpdater second = Updater())
        {
            await second.ResumeAsync(cancellationToken: Cancellation);
            Assert.Equal(1, _kernel.Entered);
        }

        _kernel.Replace();
        using LiveUpdater next = Updater();
        Assert.Equal(ParticipantStep.Resumed, (await next.ResumeAsync(cancellationToken: Cancellation)).Of("db").Step);
    }

    [Fact]
    public async Task What_it_refuses_is_said_with_its_name()
    {
        _actor.Fails = "save";
        using var service = new ServiceParticipant(Plan.Services[0]);
        await service.PrepareAsync(Cancellation);
        Assert.Equal("'db' refused: it will not",
            (await Assert.ThrowsAsync<LiveUpdateException>(() => service.SaveAsync(Cancellation))).Message);
        _actor.Fails = null;
        await service.SaveAsync(Cancellation); // the connection is as good as before
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_said_at_once_and_waited_for_under_the_next_kernel()
    {
        await _endpoint.DisposeAsync();
        using LiveUpdater updater = Updater();
        Assert.Contains(await updater.CheckAsync(Plan, Cancellation),
            finding => finding is { IsFatal: true, Subject: "db" }
                && finding.Text.Contains("did not answer", StringComparison.Ordinal));

        using var service = new ServiceParticipant(Plan.Services[0]);
        Task verified = service.VerifyAsync("1", Cancellation);
        await Task.Delay(200, Cancellation);
        Assert.False(verified.IsCompleted);
        _actor.Does = Actor.Doing.Gone;
        _endpoint = LiveUpdateEndpoint.Start(_folder["socket"], _actor, _arena);
        await verified;
    }

    [Fact]
    public async Task The_socket_is_its_users_alone_one_listens_and_a_killed_ones_is_replaced()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder["socket"]));
        Assert.Contains("listens on", Assert.Throws<IOException>(() =>
            LiveUpdateEndpoint.Start(_folder["socket"], _actor, null)).Message, StringComparison.Ordinal);

        using (var killed = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            killed.Bind(new UnixDomainSocketEndPoint(_folder["stale"]));
        }

        await using LiveUpdateEndpoint replaced = LiveUpdateEndpoint.Start(_folder["stale"], _actor, null);
        Assert.Throws<IOException>(() => LiveUpdateEndpoint.Start(_folder[new string('x', 120)], _actor, null));
    }

    [Fact]
    public async Task What_is_no_call_is_answered_and_harms_nobody()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(_folder["socket"]), Cancellation);
        using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        foreach (string line in (string[])["nonsense", "{\"call\":\"Explode\"}", "null", "{}"])
        {
            await stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(line + "\n"), Cancellation);
            Assert.Contains("That is no call", await reader.ReadLineAsync(Cancellation), StringComparison.Ordinal);
        }

        Assert.Empty(_actor.Log);
    }

    private LiveUpdater Updater() =>
        new(_folder["arena"], _kernel, null, TimeProvider.System) { Plan = Plan };

    private async Task RunsAsync()
    {
        using var limit = new CancellationTokenSource(Patience.Limit);
        while (_actor.Does != Actor.Doing.Runs)
        {
            await Task.Delay(10, limit.Token);
        }
    }
}
