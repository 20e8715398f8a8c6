namespace GuestMemFs.LiveUpdate.Tests.Coordinator;

/// <summary>The plan's course: what fails is taken back, and who carries it out may be killed after any step.</summary>
public sealed class PlanRunTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly StandInKernel _kernel = new();
    private readonly List<string> _log = [];
    private readonly Actor[] _actors;

    public PlanRunTests()
    {
        PersistentArena.Create(new ArenaOptions { Directory = _folder["arena"] }).Dispose();
        _actors = [new("db", 10) { Log = _log }, new("vm1", 0) { Log = _log, Memory = 2 },
            new("vm2", 0) { Log = _log, Memory = 3 }];
    }

    private LiveUpdatePlan Plan => new() { Arena = _folder["arena"],
        Kernel = new KernelSettings { Image = "/boot/next" } };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Everybody_stands_still_goes_over_and_goes_on()
    {
        using (LiveUpdater old = Updater())
        {
            await old.RunAsync(Plan, TestContext.Current.CancellationToken);
            Assert.Equal(1, _kernel.Entered);
            Assert.Equal(PlanPhase.Entering, old.ReadStatus()!.Phase);
            Assert.All(_actors, actor => Assert.Equal(Actor.Doing.Gone, actor.Does));
        }

        using (PersistentArena arena = PersistentArena.Open(
            new ArenaOptions { Directory = _folder["arena"], Access = ArenaAccess.ReadOnly }))
        {
            Assert.True(arena.IsFrozen);
        }

        string[] asked = ["vm1 save", "vm2 save", "db save", "vm1 freeze", "vm2 freeze", "db freeze"];
        Assert.Equal(asked, _log.Where(line =>
            line.EndsWith("save", StringComparison.Ordinal) || line.EndsWith("freeze", StringComparison.Ordinal)));

        _log.Clear();
        _kernel.Replace();
        using LiveUpdater next = Updater();
        PlanRecord done = await next.ResumeAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(PlanPhase.Done, done.Phase);
        Assert.All(_actors, actor => Assert.Equal(Actor.Doing.Runs, actor.Does));
        Assert.Equal(["db verify", "db resume", "vm2 verify", "vm2 resume", "vm1 verify", "vm1 resume"], _log);
        Assert.All(done.Participants, one => Assert.True(one.Resumed >= one.Stopped));

        _log.Clear();
        Assert.Equal(PlanPhase.Done,
            (await next.ResumeAsync(cancellationToken: TestContext.Current.CancellationToken)).Phase);
        Assert.Empty(_log); // it is over
    }

    [Theory]
    [InlineData("vm2", "prepare")]
    [InlineData("vm1", "save")]
    [InlineData("vm2", "save")]
    [InlineData("db", "save")]
    [InlineData("vm1", "freeze")]
    [InlineData("db", "freeze")]
    [InlineData("vm2", "save late")]
    public async Task What_fails_is_taken_back_and_no_kernel_is_entered(string who, string step)
    {
        Actor[] actors = [.. _actors.Select(actor => new Actor(actor.Name, actor.Order) { Log = _log,
            Deadline = TimeSpan.FromSeconds(step.EndsWith("late", StringComparison.Ordinal) ? 0.3 : 30) })];
        using LiveUpdater updater = Updater(actors);
        await updater.PlanAsync(Plan, TestContext.Current.CancellationToken);
        actors.First(actor => actor.Name == who).Fails = step;
        LiveUpdateException e = await Assert.ThrowsAsync<LiveUpdateException>(() =>
            updater.RunPlannedAsync(TestContext.Current.CancellationToken));
        Assert.Contains($"'{who}'", e.Message, StringComparison.Ordinal);
        Assert.Contains(step.EndsWith("late", StringComparison.Ordinal) ? "longer than 0.3 s" : "it will not",
            e.Message, StringComparison.Ordinal);
        Assert.Contains("Everybody goes on", e.Message, StringComparison.Ordinal);
        AssertNothingHappened(actors, updater);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_kernel_that_cannot_be_loaded_or_entered_leaves_everybody_running(bool load)
    {
        (load ? (Action)(() => _kernel.LoadFails = "no such kernel") : () => _kernel.EnterFails = "no kernel")();
        using LiveUpdater updater = Updater();
        LiveUpdateException e = await Assert.ThrowsAsync<LiveUpdateException>(() =>
            updater.RunAsync(Plan, TestContext.Current.CancellationToken));
        Assert.Contains("kernel", e.Message, StringComparison.Ordinal);
        AssertNothingHappened(_actors, updater);
    }

    [Fact]
    public async Task Who_cannot_go_on_is_named_and_tried_again()
    {
        using LiveUpdater updater = Updater();
        await updater.PlanAsync(Plan, TestContext.Current.CancellationToken);
        _kernel.EnterFails = "no kernel";
        _actors[1].Fails = "abort";
        LiveUpdateException e = await Assert.ThrowsAsync<LiveUpdateException>(() =>
            updater.RunPlannedAsync(TestContext.Current.CancellationToken));
        Assert.Contains("Not everybody goes on: 'vm1' did not go on: it will not", e.Message, StringComparison.Ordinal);
        Assert.Equal([Actor.Doing.Runs, Actor.Doing.Gone, Actor.Doing.Runs], _actors.Select(actor => actor.Does));
        Assert.Equal(PlanPhase.Aborting, updater.ReadStatus()!.Phase);
        _actors[1].Fails = null;
        Assert.Equal(PlanPhase.Aborted, (await updater.AbortAsync(TestContext.Current.CancellationToken)).Phase);
        AssertNothingHappened(_actors, updater);
    }

    [Fact]
    public async Task Who_is_not_what_was_saved_stays_and_the_rest_go_on()
    {
        using LiveUpdater updater = Updater();
        await updater.RunAsync(Plan, TestContext.Current.CancellationToken);
        _kernel.Replace();
        _actors[1].Memory++;
        PlanRecord done = await updater.ResumeAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(PlanPhase.Done, done.Phase);
        Assert.Equal([Actor.Doing.Runs, Actor.Doing.Gone, Actor.Doing.Runs], _actors.Select(actor => actor.Does));
        Assert.Equal(ParticipantStep.Refused, done.Of("vm1").Step);
        Assert.Contains("has 3, and 2 was saved", done.Of("vm1").Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("vm1 resume", _log);
    }

    [Fact]
    public async Task One_can_be_taken_up_before_the_others()
    {
        using LiveUpdater updater = Updater();
        await updater.RunAsync(Plan, TestContext.Current.CancellationToken);
        _kernel.Replace();
        PlanRecord half = await updater.ResumeAsync(["vm2"], TestContext.Current.CancellationToken);
        Assert.Equal(PlanPhase.Resuming, half.Phase);
        Assert.Equal([Actor.Doing.Gone, Actor.Doing.Gone, Actor.Doing.Runs], _actors.Select(actor => actor.Does));
        Assert.Equal(PlanPhase.Done,
            (await updater.ResumeAsync(cancellationToken: TestContext.Current.CancellationToken)).Phase);
    }

    /// <summary>
    /// The journal has a write after each step: for each of them, the process ends there, and another one goes on in
    /// each of the ways there are.
    /// </summary>
    [Fact]
    [Trait("speed", "slow")]
    public async Task Killed_after_any_write_it_is_taken_up_taken_back_or_survives_the_kernels_end()
    {
        int writes = 0;
        using (LiveUpdater whole = Updater(written: () => writes++))
        {
            await whole.RunAsync(Plan, TestContext.Current.CancellationToken);
            _kernel.Replace();
            await whole.ResumeAsync(cancellationToken: TestContext.Current.CancellationToken);
        }

        Assert.True(writes > 15);
        for (int kill = 1; kill <= writes; kill++)
        {
            foreach (string then in (string[])["resume", "abort", "crash"])
            {
                await KilledAsync(kill, then);
            }
        }
    }

    private async Task KilledAsync(int kill, string then)
    {
        using var folder = new TestFolder();
        PersistentArena.Create(new ArenaOptions { Directory = folder.Path }).Dispose();
        LiveUpdatePlan plan = Plan with { Arena = folder.Path };
        var kernel = new StandInKernel();
        Actor[] actors = [.. _actors.Select(actor => new Actor(actor.Name, actor.Order) { Memory = actor.Memory })];
        byte[] journal = [];
        (Actor.Doing Does, int Memory)[] state = [];
        Guid first = kernel.BootId;
        bool next = false;
        int writes = 0;
        var updater = new LiveUpdater(folder.Path, kernel, null, TimeProvider.System)
        {
            More = actors,
            Plan = plan,
            Written = Write,
        };

        // What was there at the kill comes back after the run, which cannot be stopped in its tracks.
        void Write()
        {
            if (++writes == kill)
            {
                using PersistentArena look = PersistentArena.Open(
                    new ArenaOptions { Directory = folder.Path, Access = ArenaAccess.ReadOnly });
                using PersistentRegion region = look.OpenRegion(PlanJournal.RegionName);
                journal = region.AsSpan(0, (int)region.Length).ToArray();
                state = [.. actors.Select(actor => (actor.Does, actor.Memory))];
                next = kernel.BootId != first;
            }
        }

        await updater.RunAsync(plan, TestContext.Current.CancellationToken);
        kernel.Replace();
        await updater.ResumeAsync(cancellationToken: TestContext.Current.CancellationToken);
        updater.Dispose();

        Assert.NotEmpty(journal);
        using (PersistentArena arena = PersistentArena.Open(new ArenaOptions { Directory = folder.Path }))
        {
            using PersistentRegion region = arena.OpenRegion(PlanJournal.RegionName);
            journal.CopyTo(region.AsSpan(0, journal.Length));
        }

        foreach ((Actor actor, (Actor.Doing does, int memory)) in actors.Zip(state))
        {
            (actor.Does, actor.Memory) = (does, memory);
        }

        if (!next)
        {
            kernel.BootId = first;
        }

        // From here on, the second process.
        using var second = new LiveUpdater(folder.Path, kernel, null, TimeProvider.System)
        {
            More = actors,
            Plan = plan,
        };
        if (next || then == "resume")
        {
            PlanRecord record = await second.ResumeAsync(cancellationToken: TestContext.Current.CancellationToken);
            if (record.Phase == PlanPhase.Planned)
            {
                Assert.All(actors, actor => Assert.Equal(Actor.Doing.Runs, actor.Does));
                return; // nothing was under way
            }

            if (!next)
            {
                Assert.Equal(PlanPhase.Entering, record.Phase);
                Assert.All(actors, actor => Assert.Equal(Actor.Doing.Gone, actor.Does));
                kernel.Replace();
                record = await second.ResumeAsync(cancellationToken: TestContext.Current.CancellationToken);
            }

            Assert.Equal(PlanPhase.Done, record.Phase);
        }
        else if (then == "abort")
        {
            Assert.Equal(PlanPhase.Aborted, (await second.AbortAsync(TestContext.Current.CancellationToken)).Phase);
        }
        else
        {
            kernel.Replace(); // the kernel ended by itself: what was saved goes on, what was not says so
            PlanRecord record = await second.ResumeAsync(cancellationToken: TestContext.Current.CancellationToken);
            foreach (ParticipantRecord one in record.Participants)
            {
                Actor actor = actors.First(actor => actor.Name == one.Name);
                bool refused = one is { Step: ParticipantStep.Refused, Saved: null }
                    && one.Reason!.Contains("was not saved", StringComparison.Ordinal);
                Assert.True(record.Phase == PlanPhase.Planned || refused
                    || (one.Step == ParticipantStep.Resumed && actor.Does == Actor.Doing.Runs),
                    $"killed after write {kill}: {one}");
            }

            return;
        }

        Assert.All(actors, actor => Assert.Equal(Actor.Doing.Runs, actor.Does));
    }

    private void AssertNothingHappened(Actor[] actors, LiveUpdater updater)
    {
        Assert.Equal(0, _kernel.Entered);
        Assert.False(_kernel.IsLoaded);
        Assert.All(actors, actor => Assert.Equal(Actor.Doing.Runs, actor.Does));
        Assert.Equal(PlanPhase.Aborted, updater.ReadStatus()!.Phase);
        using PersistentArena arena = PersistentArena.Open(new ArenaOptions { Directory = _folder["arena"] });
        Assert.False(arena.IsFrozen);
    }

    private LiveUpdater Updater(Actor[]? actors = null, Action? written = null) =>
        new(_folder["arena"], _kernel, null, TimeProvider.System)
        {
            More = actors ?? _actors,
            Plan = Plan,
            Written = written,
        };
}
