using GuestMemFs.VirtualMachines;

namespace GuestMemFs.LiveUpdate.Tests.Coordinator;

/// <summary>
/// Real machines of QEMU's in a plan; only the kernel's replacement is said and not done. What the lab does with a real
/// one (KernelLab) is done here with everything that goes wrong.
/// </summary>
public sealed class MachineUpdateTests : IAsyncLifetime
{
    private const long RamLength = 64L << 20;
    private readonly TestFolder _folder = new();
    private readonly StandInKernel _kernel = new();
    private readonly string[] _names = ["one", "two"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private LiveUpdatePlan Plan => new()
    {
        Arena = _folder["arena"],
        Kernel = new KernelSettings { Image = "/boot/next" },
        Fingerprint = FingerprintCoverage.Whole,
        Machines = [.. _names.Select(Machine)],
    };

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(InstalledQemu.Executable is not null, InstalledQemu.Missing);
        Guest.WriteDisk(_folder["disk"]);
        using (PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = _folder["arena"] }))
        {
            foreach (string name in _names)
            {
                arena.CreateRegion(name, RamLength, new RegionOptions { Kind = RegionKind.GuestRam }).Dispose();
            }
        }

        using LiveUpdater updater = Updater();
        foreach (string name in _names)
        {
            await using VirtualMachine machine = await updater.StartMachineAsync(Plan, name, Cancellation);
        }

        foreach (string name in _names)
        {
            await CountsAsync(name, from: 0);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (string name in _names)
        {
            if (IsLent(name))
            {
                using var updater = Updater();
                await using VirtualMachine machine = await updater.StartMachineAsync(Plan, name,
                    CancellationToken.None);
                await machine.QuitAsync(CancellationToken.None);
            }
        }

        _folder.Dispose();
    }

    [Fact]
    public async Task Machines_go_on_under_the_next_kernel_where_they_stood()
    {
        using (LiveUpdater old = Updater())
        {
            Assert.Empty(await old.CheckAsync(Plan, Cancellation));
            await old.RunAsync(Plan, Cancellation);
        }

        uint[] stood = [.. _names.Select(Counter)];
        Assert.All(_names, name => Assert.False(IsLent(name)));
        _kernel.Replace();
        using LiveUpdater next = Updater();
        PlanRecord done = await next.ResumeAsync(cancellationToken: Cancellation);
        Assert.All(done.Participants, one => Assert.Equal(ParticipantStep.Resumed, one.Step));
        foreach ((string name, uint from) in _names.Zip(stood))
        {
            await CountsAsync(name, from);
            Assert.InRange(Counter(name), from + 1, from + 2000); // went on, did not begin anew
        }
    }

    [Fact]
    [Trait("speed", "slow")]
    public async Task A_changed_byte_of_memory_or_of_a_state_is_seen_before_the_machine_runs_and_the_other_goes_on()
    {
        using LiveUpdater updater = Updater();
        await updater.RunAsync(Plan, Cancellation);
        uint stood = Counter("two");
        Flip("one", 48L << 20);
        _kernel.Replace();
        PlanRecord done = await updater.ResumeAsync(cancellationToken: Cancellation);
        Assert.Equal(ParticipantStep.Refused, done.Of("one").Step);
        Assert.Contains("region 'one', is not what it was", done.Of("one").Reason, StringComparison.Ordinal);
        Assert.False(IsLent("one"));
        Assert.Equal(ParticipantStep.Resumed, done.Of("two").Step);
        await CountsAsync("two", stood);

        // And a state.
        LiveUpdatePlan second = Plan with { Machines = [Machine("two")] };
        await updater.RunAsync(second, Cancellation);
        Flip(PlanArena.StateRegion("two"), 1000);
        _kernel.Replace();
        done = await updater.ResumeAsync(cancellationToken: Cancellation);
        Assert.Contains("the state of its devices", done.Of("two").Reason, StringComparison.Ordinal);
        Assert.False(IsLent("two"));

        // Refused stays refused; the machine can be started anew.
        Assert.Equal(PlanPhase.Done, done.Phase);
        await using VirtualMachine anew = await updater.StartMachineAsync(second, "two", Cancellation);
        await CountsAsync("two", 0);
    }

    [Fact]
    [Trait("speed", "slow")]
    public async Task A_save_that_fails_leaves_both_machines_running_under_the_old_kernel()
    {
        using LiveUpdater updater = Updater();
        await updater.PlanAsync(Plan, Cancellation);
        using (PersistentArena reader = PersistentArena.Open(
            new ArenaOptions { Directory = _folder["arena"], Access = ArenaAccess.ReadOnly }))
        using (reader.BorrowRegion(PlanArena.StateRegion("two")))
        {
            LiveUpdateException failed = await Assert.ThrowsAsync<LiveUpdateException>(() =>
                updater.RunPlannedAsync(Cancellation));
            Assert.Contains("'two' was not saved", failed.Message, StringComparison.Ordinal);
            Assert.Contains("Everybody goes on", failed.Message, StringComparison.Ordinal);
        }

        Assert.Equal(0, _kernel.Entered);
        foreach (string name in _names)
        {
            await CountsAsync(name, Counter(name));
        }
    }

    [Fact]
    [Trait("speed", "slow")]
    public async Task A_kernel_that_cannot_be_entered_brings_machines_back_whose_QEMU_has_ended()
    {
        _kernel.EnterFails = "not today";
        uint[] before = [.. _names.Select(Counter)];
        using LiveUpdater updater = Updater();
        LiveUpdateException failed = await Assert.ThrowsAsync<LiveUpdateException>(() =>
            updater.RunAsync(Plan, Cancellation));
        Assert.Contains("not today Everybody goes on", failed.Message, StringComparison.Ordinal);
        foreach ((string name, uint from) in _names.Zip(before))
        {
            await CountsAsync(name, from);
        }
    }

    [Fact]
    [Trait("speed", "slow")]
    public async Task Killed_between_the_save_and_its_note_the_machine_is_saved_once_more()
    {
        using LiveUpdater updater = Updater();
        await updater.PlanAsync(Plan, Cancellation);
        using (var arena = new PlanArena(_folder["arena"]))
        {
            var participant = new MachineParticipant(Plan.Machines[0], arena, FingerprintCoverage.Whole,
                Guid.NewGuid());
            await participant.SaveAsync(Cancellation); // and nobody writes that down
        }

        uint stood = Counter("one");
        await updater.RunPlannedAsync(Cancellation);
        _kernel.Replace();
        PlanRecord done = await updater.ResumeAsync(cancellationToken: Cancellation);
        Assert.All(done.Participants, one => Assert.Equal(ParticipantStep.Resumed, one.Step));
        await CountsAsync("one", stood);
    }

    [Fact]
    [Trait("speed", "slow")]
    public async Task Killed_between_the_restore_and_its_note_the_machine_is_found_running()
    {
        using LiveUpdater updater = Updater();
        await updater.RunAsync(Plan, Cancellation);
        _kernel.Replace();
        PlanRecord record = updater.ReadStatus()!;
        using (var arena = new PlanArena(_folder["arena"]))
        {
            var participant = new MachineParticipant(Plan.Machines[0], arena, FingerprintCoverage.Whole, record.Id);
            await participant.VerifyAsync(record.Of("one").Saved!, Cancellation);
            using (PersistentRegion region = arena.Reader.BorrowRegion(PlanJournal.RegionName))
            {
                new PlanJournal(region).Write((record with { Phase = PlanPhase.Resuming }).With(
                    record.Of("one") with { Step = ParticipantStep.Verified }));
            }

            await participant.ResumeAsync(record.Of("one").Saved!, Cancellation); // and nobody writes that down
        }

        uint runs = Counter("one");
        await CountsAsync("one", runs);
        PlanRecord done = await updater.ResumeAsync(cancellationToken: Cancellation);
        Assert.All(done.Participants, one => Assert.Equal(ParticipantStep.Resumed, one.Step));
        await CountsAsync("one", runs);
    }

    [Fact]
    public async Task A_look_ahead_names_what_would_fail_and_changes_nothing()
    {
        // Its memory is not the arena's, it cannot be saved, it does not run, its program is not there, its state has
        // no room.
        using LiveUpdater updater = Updater();
        MachineSettings one = Machine("one");
        await Quit("one");
        LiveUpdatePlan bad = Plan with
        {
            Machines =
            [
                one with { StateSize = 1L << 50 },
                Machine("two") with { Executable = "no-such-hypervisor" },
                Machine("two") with { Name = "three", Regions = ["absent"] },
            ],
        };
        LiveUpdateRefusedException refused = await Assert.ThrowsAsync<LiveUpdateRefusedException>(() =>
            updater.RunAsync(bad, Cancellation));
        Assert.Contains(refused.Findings, finding =>
            finding.Subject == "one" && finding.Text.Contains("does not run", StringComparison.Ordinal));
        Assert.Contains(refused.Findings, finding =>
            finding.Subject == "two" && finding.Text.Contains("no-such-hypervisor", StringComparison.Ordinal));
        Assert.Contains(refused.Findings, finding =>
            finding.Subject == "three" && finding.Text.Contains("'absent'", StringComparison.Ordinal));
        Assert.Contains(refused.Findings, finding =>
            finding.Subject == "arena" && finding.Text.Contains("are free", StringComparison.Ordinal));
        Assert.Null(updater.ReadStatus());

        LiveUpdatePlan blocked = Plan with { Machines = [one with { Arguments = [.. one.Arguments, "-device",
            "ivshmem-plain,memdev=shared,master=off", "-object", "memory-backend-ram,id=shared,size=1M,share=on"] }] };
        await using (VirtualMachine machine = await updater.StartMachineAsync(blocked, "one", Cancellation))
        {
            await machine.Monitor.DisposeAsync();
        }

        IReadOnlyList<LiveUpdateFinding> findings = await updater.CheckAsync(blocked, Cancellation);
        Assert.Contains("ivshmem", Assert.Single(findings).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_medium_that_is_not_kept_and_a_writer_outside_the_plan_are_refused()
    {
        using var updater = new LiveUpdater(_folder["arena"], new StandInKernel { KeepsMemory = false }, null,
            TimeProvider.System);
        Assert.Contains("which no kexec leaves as it is",
            Assert.Single(await updater.CheckAsync(Plan, Cancellation)).Text, StringComparison.Ordinal);

        using PersistentArena writer = PersistentArena.Open(new ArenaOptions { Directory = _folder["arena"] });
        using LiveUpdater second = Updater();
        Assert.Contains("no service of the plan", Assert.Single(await second.CheckAsync(Plan, Cancellation)).Text,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_do_not_carry_one_plan_out()
    {
        using var updater = new LiveUpdater(_folder["arena"], _kernel, null, TimeProvider.System) { Plan = Plan,
            Patience = TimeSpan.FromMilliseconds(100) };
        await updater.PlanAsync(Plan, Cancellation);
        using PersistentArena reader = PersistentArena.Open(
            new ArenaOptions { Directory = _folder["arena"], Access = ArenaAccess.ReadOnly });
        using PersistentRegion other = reader.BorrowRegion(PlanJournal.RegionName);
        LiveUpdateException refused = await Assert.ThrowsAsync<LiveUpdateException>(() =>
            updater.RunPlannedAsync(Cancellation));
        Assert.Contains($"process {Environment.ProcessId}", refused.Message, StringComparison.Ordinal);

        // One that is done in time is waited for.
        using LiveUpdater patient = Updater();
        Task<PlanRecord> waits = patient.AbortAsync(Cancellation);
        await Task.Delay(100, Cancellation);
        Assert.False(waits.IsCompleted);
        other.Dispose();
        Assert.Equal(PlanPhase.Aborted, (await waits).Phase);
    }

    private LiveUpdater Updater() =>
        new(_folder["arena"], _kernel, null, TimeProvider.System) { Plan = Plan };

    private MachineSettings Machine(string name) => new()
    {
        Name = name,
        Regions = [name],
        Monitor = _folder[name],
        Executable = InstalledQemu.Executable!,
        StateSize = 4L << 20,
        Arguments = ["-machine", "pc,usb=off,graphics=off", "-accel", "tcg", "-cpu", "qemu64", "-nodefaults",
            "-no-user-config", "-display", "none",
            "-drive", $"file={_folder["disk"]},format=raw,if=ide,snapshot=on"],
    };

    private async Task Quit(string name)
    {
        using LiveUpdater updater = Updater();
        await using VirtualMachine machine = await updater.StartMachineAsync(Plan, name, Cancellation);
        await machine.QuitAsync(Cancellation);
    }

    private T WithArena<T>(Func<PersistentArena, T> look)
    {
        using PersistentArena arena = PersistentArena.Open(
            new ArenaOptions { Directory = _folder["arena"], Access = ArenaAccess.ReadOnly });
        return look(arena);
    }

    private uint Counter(string name) => WithArena(arena =>
    {
        using PersistentRegion ram = arena.OpenRegion(name);
        return Guest.Read(ram.AsSpan(Guest.CounterAt, sizeof(uint)));
    });

    private void Flip(string name, long at) => WithArena(arena =>
    {
        using PersistentRegion region = arena.BorrowRegion(name);
        return region.AsSpan(at, 1)[0] ^= 1;
    });

    private bool IsLent(string name) => WithArena(arena =>
    {
        try
        {
            arena.BorrowRegion(name).Dispose();
            return false;
        }
        catch (RegionLentException)
        {
            return true;
        }
    });

    private async Task CountsAsync(string name, uint from)
    {
        using var limit = new CancellationTokenSource(Patience.Limit);
        while (Counter(name) < from + 3)
        {
            await Task.Delay(20, limit.Token);
        }
    }
}
