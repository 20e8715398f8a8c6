namespace GuestMemFs.LiveUpdate.Tests.Kept;

/// <summary>
/// One plan holds both: its own arena on a medium that is kept, and one whose memory a holder has. The kernel stands
/// in, the holder and the memory are real.
/// </summary>
public sealed class KeptInPlanTests : IDisposable
{
    private const string Store = "shop";
    private readonly TestFolder _folder = new();
    private readonly LuoKernelSimulator _luo = new();
    private readonly StandInKernel _kernel = new();
    private readonly Guid _id;
    private HoldServer _holder;

    public KeptInPlanTests()
    {
        _holder = HoldServer.Start(_folder["s"]);
        PersistentArena.Create(new ArenaOptions { Directory = _folder["plan"] }).Dispose();
        using Medium medium = Medium.FromHolder(Holders.Open(_folder["s"], Store));
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = medium });
        using PersistentRegion region = arena.CreateRegion("a", 4 << 20);
        region.AsSpan(0, 1)[0] = 42;
        _id = arena.Id;
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private LiveUpdatePlan Plan => new()
    {
        Arena = _folder["plan"],
        Kernel = new KernelSettings { Image = "/boot/next", CommandLine = "kho=on liveupdate=on",
            Entry = KernelEntry.Direct },
        Kept = [new KeptSettings { Name = Store, Holder = _folder["s"] }],
    };

    [Fact]
    public async Task It_is_with_its_holder_again_under_the_next_kernel()
    {
        await RunAndReplace();
        Assert.Contains($"gmfs.kept={Store},{_id:N},2,", _kernel.CommandLine, StringComparison.Ordinal);
        using LiveUpdater next = Updater();
        PlanRecord record = await next.ResumeAsync(cancellationToken: Cancellation);
        Assert.Equal(ParticipantStep.Resumed, Assert.Single(record.Participants).Step);
        Assert.Equal(42, Read());
        Assert.Equal("finish", _luo.Log[^1]);
    }

    [Fact]
    public async Task What_was_restored_at_boot_already_is_left_alone()
    {
        await RunAndReplace();
        using (var atBoot = new KeptArenas(store => Holders.Open(_folder["s"], store), _luo, null))
        {
            Assert.Null(Assert.Single(atBoot.Restore([], _kernel.CommandLine)).Lost);
        }

        _luo.Log.Clear();
        using LiveUpdater next = Updater();
        Assert.Equal(ParticipantStep.Resumed,
            Assert.Single((await next.ResumeAsync(cancellationToken: Cancellation)).Participants).Step);
        Assert.Empty(_luo.Log);
    }

    [Fact]
    public async Task What_is_lost_is_refused_with_the_reason()
    {
        await RunAndReplace();
        _luo.Available = false;
        using LiveUpdater next = Updater();
        PlanRecord done = await next.ResumeAsync(cancellationToken: Cancellation);
        ParticipantRecord record = Assert.Single(done.Participants);
        Assert.Equal(ParticipantStep.Refused, record.Step);
        Assert.Contains($"Arena {_id}, ", record.Reason, StringComparison.Ordinal);
        Assert.Contains("it is lost", record.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_kernel_that_is_not_entered_gives_it_back()
    {
        _kernel.EnterFails = "not today";
        using LiveUpdater updater = Updater();
        await Assert.ThrowsAsync<LiveUpdateException>(() => updater.RunAsync(Plan, Cancellation));
        Assert.Equal(["preserve 0", "preserve 1"], _luo.Log);
        _luo.Kexec();
        // The session was closed.
        Assert.Throws<LuoException>(() => RetrievedArena.Retrieve(LuoDevice.Open(_luo), Store));
        Assert.False(OnArena(arena => arena.IsFrozen));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_takes_it_back_after_another_was_killed_leaves_it_as_the_plan_found_it(bool frozenBefore)
    {
        const int frozen = 5, entering = 6; // writes of the journal: planned, prepared, saving, saved, frozen, entering
        OnArena(arena =>
        {
            if (frozenBefore)
            {
                arena.Freeze();
            }

            return true;
        });
        for (int kill = 1; kill <= entering; kill++)
        {
            int writes = 0;
            using (LiveUpdater killed = Updater(() => ThrowIf(++writes >= kill)))
            {
                await Assert.ThrowsAsync<KilledException>(() => killed.RunAsync(Plan, Cancellation));
            }

            Assert.Equal(frozenBefore || kill >= frozen, OnArena(arena => arena.IsFrozen));
            using (LiveUpdater next = Updater())
            {
                Assert.Equal(PlanPhase.Aborted, (await next.AbortAsync(Cancellation)).Phase);
            }

            Assert.Equal(frozenBefore, OnArena(arena => arena.IsFrozen));
        }
    }

    [Fact]
    public async Task A_command_line_that_would_lose_it_stops_the_plan()
    {
        using LiveUpdater updater = Updater();
        LiveUpdatePlan wrong = Plan with { Kernel = Plan.Kernel with { CommandLine = "quiet kho=on" } };
        LiveUpdateRefusedException e = await Assert.ThrowsAsync<LiveUpdateRefusedException>(() =>
            updater.RunAsync(wrong, Cancellation));
        Assert.Contains("lacks liveupdate=on", Assert.Single(e.Findings).Text, StringComparison.Ordinal);
        Assert.Equal(0, _kernel.Entered);
    }

    public void Dispose()
    {
        _holder.Dispose();
        _folder.Dispose();
    }

    private async Task RunAndReplace()
    {
        using LiveUpdater old = Updater();
        await old.RunAsync(Plan, Cancellation);
        _luo.Kexec();
        _kernel.Replace();
        _holder.Dispose();
        _holder = HoldServer.Start(_folder["s"]);
    }

    private byte Read() => OnArena(arena =>
    {
        using PersistentRegion region = arena.OpenRegion("a");
        return region.AsSpan(0, 1)[0];
    });

    private T OnArena<T>(Func<PersistentArena, T> action)
    {
        using Medium medium = Medium.FromHolder(Holders.Open(_folder["s"], Store));
        using PersistentArena arena = PersistentArena.Open(new ArenaOptions { Medium = medium, ArenaId = _id });
        return action(arena);
    }

    private LiveUpdater Updater(Action? written = null) => new(_folder["plan"], _kernel, null,
        TimeProvider.System) { Plan = Plan, OpenKept = (open, progress) =>
            new KeptArenas(open, _luo, progress) { RequireHeld = _ => { } }, Facts = KeptArenasTests.Facts,
            Written = written };

    private static void ThrowIf(bool killed)
    {
        if (killed)
        {
            throw new KilledException();
        }
    }

    /// <summary>In place of SIGKILL: nothing more is done of the plan, and what was in memory is gone.</summary>
    private sealed class KilledException : Exception;
}
