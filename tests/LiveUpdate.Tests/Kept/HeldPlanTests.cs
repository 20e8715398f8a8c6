
namespace GuestMemFs.LiveUpdate.Tests.Kept;

/// <summary>
/// A plan whose own arena is in held memory, which the kernel itself keeps: no memory is set aside for it anywhere. The
/// kernel stands in, the holder and the memory are real.
/// </summary>
public sealed class HeldPlanTests : IDisposable
{
    private const string Store = "vms";
    private readonly TestFolder _folder = new();
    private readonly LuoKernelSimulator _luo = new();
    private readonly StandInKernel _kernel = new() { KeepsMemory = false };
    private readonly Actor _actor = new("machine", 0);
    private HoldServer _holder;

    public HeldPlanTests()
    {
        _holder = HoldServer.Start(_folder["s"]);
        using Medium medium = Medium.FromHolder(Holders.Open(_folder["s"], Store));
        PersistentArena.Create(new ArenaOptions { Medium = medium }).Dispose();
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private LiveUpdatePlan Plan => new()
    {
        Arena = Store,
        Holder = _folder["s"],
        Kernel = new KernelSettings { Image = "/boot/next", CommandLine = "kho=on liveupdate=on",
            Entry = KernelEntry.Direct },
    };

    [Fact]
    public async Task The_plan_itself_comes_over_with_its_arena_and_goes_on()
    {
        using (LiveUpdater old = Updater())
        {
            await old.RunAsync(Plan, Cancellation);
            Assert.Equal(["preserve 0", "preserve 1"], _luo.Log); // the metadata and the journal
            Assert.Contains($"gmfs.kept={Store},", _kernel.CommandLine, StringComparison.Ordinal);
            Replace();
        }

        using (var atBoot = new KeptArenas(store => Holders.Open(_folder["s"], store), _luo, null))
        {
            Assert.Null(Assert.Single(atBoot.Restore([], _kernel.CommandLine)).Lost);
        }

        using LiveUpdater next = Updater();
        PlanRecord record = await next.ResumeAsync(cancellationToken: Cancellation);
        Assert.Equal(PlanPhase.Done, record.Phase);
        Assert.Equal(ParticipantStep.Resumed, Assert.Single(record.Participants).Step);
        Assert.Equal(Actor.Doing.Runs, _actor.Does);
    }

    [Fact]
    public async Task A_kernel_that_is_not_entered_lets_everything_go_on_and_the_arena_grow()
    {
        _kernel.EnterFails = "not today";
        using LiveUpdater updater = Updater();
        await Assert.ThrowsAsync<LiveUpdateException>(() => updater.RunAsync(Plan, Cancellation));
        Assert.Equal(Actor.Doing.Runs, _actor.Does);
        Assert.Equal(PlanPhase.Aborted, updater.ReadStatus()!.Phase);
        _luo.Kexec();
        // The session was closed.
        Assert.Throws<LuoException>(() => RetrievedArena.Retrieve(LuoDevice.Open(_luo), Store));
        using Medium medium = Medium.FromHolder(Holders.Open(_folder["s"], Store));
        using PersistentArena arena = PersistentArena.Open(new ArenaOptions { Medium = medium });
        arena.CreateRegion("more", 2 << 20).Dispose();
    }

    [Fact]
    public async Task What_would_lose_it_and_what_is_not_there_is_refused()
    {
        using LiveUpdater updater = Updater();
        LiveUpdatePlan without = Plan with { Kernel = Plan.Kernel with { CommandLine = "quiet" } };
        LiveUpdateRefusedException refused = await Assert.ThrowsAsync<LiveUpdateRefusedException>(() =>
            updater.RunAsync(without, Cancellation));
        Assert.Contains(refused.Findings, finding =>
            finding.IsFatal && finding.Text.Contains("lacks kho=on liveupdate=on", StringComparison.Ordinal));

        _holder.Dispose();
        using LiveUpdater nobody = Updater();
        LiveUpdateRefusedException missing = await Assert.ThrowsAsync<LiveUpdateRefusedException>(() =>
            nobody.RunAsync(Plan, Cancellation));
        Assert.Contains(missing.Findings, finding =>
            finding.IsFatal && finding.Remedy.Contains($"--holder {_folder["s"]} --name {Store}",
                StringComparison.Ordinal));
    }

    public void Dispose()
    {
        _holder.Dispose();
        _folder.Dispose();
    }

    private void Replace()
    {
        _luo.Kexec();
        _kernel.Replace();
        _holder.Dispose();
        _holder = HoldServer.Start(_folder["s"]);
    }

    private LiveUpdater Updater() => new(new PlanArena(_folder["s"], Store), _kernel, null,
        TimeProvider.System) { Plan = Plan, More = [_actor], OpenKept = (open, progress) =>
            new KeptArenas(open, _luo, progress) { RequireHeld = _ => { } }, Facts = KeptArenasTests.Facts };
}
