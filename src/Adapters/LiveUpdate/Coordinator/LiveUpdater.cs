using GuestMemFs.Holding;
using GuestMemFs.LiveUpdate.Coordinator;
using GuestMemFs.LiveUpdate.Journal;
using GuestMemFs.LiveUpdate.Kept;
using GuestMemFs.LiveUpdate.Kexec;
using GuestMemFs.LiveUpdate.Participants;
using GuestMemFs.VirtualMachines;

namespace GuestMemFs.LiveUpdate;

/// <summary>
/// Replaces the kernel under the machines and databases of a plan. What is under way is in the arena (region
/// <c>live-update</c>), so that any process can go on with it or take it back: the one that began it may be killed at
/// any instant.
/// </summary>
/// <remarks>Not thread-safe. Two processes do not run a plan at once: the journal's region is lent to one.</remarks>
public sealed class LiveUpdater : IDisposable
{
    private readonly PlanArena _arena;
    private readonly INextKernel _kernel;
    private readonly TimeProvider _clock;
    private readonly IProgress<LiveUpdateProgress>? _progress;
    private KeptArenas? _kept;
    private LiveUpdatePlan? _given; // by the caller, with its programs
    // an endpoint talks to one at a time
    private readonly Dictionary<ServiceSettings, ServiceParticipant> _services = [];

    /// <summary>For an arena.</summary>
    /// <param name="directory">The arena's.</param>
    /// <param name="progress">Told after each step.</param>
    public LiveUpdater(string directory, IProgress<LiveUpdateProgress>? progress = null)
        : this(directory, new NextKernel(), progress, TimeProvider.System)
    {
    }

    /// <summary>For an arena in held memory, which the kernel's Live Update Orchestrator keeps.</summary>
    /// <param name="holder">The socket of <c>gmfs hold</c>. Under the next kernel it has to have the memory again
    /// (<c>gmfs luo restore</c>) before this is asked for anything.</param>
    /// <param name="store">The arena's name there.</param>
    /// <param name="progress">Told after each step.</param>
    public LiveUpdater(string holder, string store, IProgress<LiveUpdateProgress>? progress = null)
        : this(new PlanArena(holder, store), new NextKernel(), progress, TimeProvider.System)
    {
    }

    internal LiveUpdater(
        string directory, INextKernel kernel, IProgress<LiveUpdateProgress>? progress, TimeProvider clock)
        : this(new PlanArena(directory), kernel, progress, clock)
    {
    }

    internal LiveUpdater(
        PlanArena arena, INextKernel kernel, IProgress<LiveUpdateProgress>? progress, TimeProvider clock)
    {
        _arena = arena;
        _kernel = kernel;
        _progress = progress;
        _clock = clock;
    }

    /// <summary>Beside the plan's own participants: what tests put in.</summary>
    internal IReadOnlyList<ILiveUpdateParticipant> More { get; init; } = [];

    /// <summary>
    /// Makes the object that has the sessions of kept arenas, and says the machine's facts: tests put in their own.
    /// </summary>
    internal Func<Func<string, DescriptorHolder>, IProgress<KeptProgress>?, KeptArenas> OpenKept { get; init; } =
        (open, progress) => new KeptArenas(open, progress);

    internal Func<LuoFacts> Facts { get; init; } = LuoFacts.Ask;

    /// <summary>Whose files, arenas and sockets are used: root's and our own where nothing is said.</summary>
    public PathTrust Trust
    {
        get => _arena.Trust;
        init => _arena.Trust = value;
    }

    /// <summary>Called after each write of the journal: where tests end a process.</summary>
    internal Action? Written { get; init; }

    /// <summary>How long another process that carries the plan out is waited for.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>For a plan's arena.</summary>
    /// <param name="plan">The plan. Where it is the one that is under way, its file is not read again.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="trust">As <see cref="Trust"/>.</param>
    public static LiveUpdater For(
        LiveUpdatePlan plan, IProgress<LiveUpdateProgress>? progress = null, PathTrust? trust = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return new LiveUpdater(PlanArena.Of(plan), new NextKernel(), progress, TimeProvider.System)
        {
            Trust = trust ?? PathTrust.Own,
            Plan = plan,
        };
    }

    /// <summary>The plan with its programs, where the caller has it: else the journal's file is read.</summary>
    internal LiveUpdatePlan? Plan
    {
        get => _given;
        init => _given = value;
    }

    /// <summary>The plan that is under way, or the last one; null where there was none.</summary>
    /// <exception cref="ArenaException">The arena cannot be opened.</exception>
    public PlanRecord? ReadStatus() => _arena.ReadRecord();

    /// <summary>
    /// A dry run: what of a plan would fail. Nobody stands still, and nothing is changed; an arena that a killed writer
    /// left is taken over, as by any open.
    /// </summary>
    public async Task<IReadOnlyList<LiveUpdateFinding>> CheckAsync(
        LiveUpdatePlan plan, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        using PlanArena its = PlanArena.Of(plan);
        if (its.Text != _arena.Text)
        {
            throw new LiveUpdateException($"The plan is about the arena {its.Text}, and was given to who works " +
                $"with {_arena.Text}. LiveUpdater.For(plan) works with the plan's.");
        }

        return await new Preflight(plan, _arena, Participants(plan, Guid.Empty), KernelOf(plan)).RunAsync(
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Checks a plan, makes the regions it needs, and notes it in the arena, to be begun by <see cref="RunAsync"/>.
    /// Nobody stands still.
    /// </summary>
    /// <exception cref="LiveUpdateRefusedException">It would fail. Nothing was changed.</exception>
    public async Task<IReadOnlyList<LiveUpdateFinding>> PlanAsync(
        LiveUpdatePlan plan, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<LiveUpdateFinding> findings = await CheckAsync(plan, cancellationToken).ConfigureAwait(false);
        _given = plan;
        if (findings.Any(finding => finding.IsFatal))
        {
            throw new LiveUpdateRefusedException(findings);
        }

        IReadOnlyList<NeededRegion> needed = PlanArena.Needed(plan);
        if (_arena.Missing(needed).Count > 0 && _arena.TryWrite(writer => PlanArena.Make(writer, needed)) is not null)
        {
            await MakeByOwnerAsync(plan, needed, cancellationToken).ConfigureAwait(false);
        }

        using PersistentRegion region = await BorrowJournalAsync(cancellationToken).ConfigureAwait(false);
        PlanJournal journal = Journal(region);
        var record = new PlanRecord
        {
            Id = Guid.NewGuid(),
            BootId = _kernel.BootId,
            Plan = plan.WithoutPrograms(),
            PlanFile = plan.File,
            PlanDigest = plan.Digest,
            Participants = [.. Participants(plan, Guid.Empty).OrderBy(one => one.Order).Select(one =>
                new ParticipantRecord { Name = one.Name })],
        };
        Invariant.Holds(PlanCourse.MayFollow(journal.Read(), record), 2);
        journal.Write(record);
        return findings;
    }

    /// <summary>
    /// Carries a plan out, up to the kernel that it enters. Returns only where something else ends this process.
    /// </summary>
    /// <exception cref="LiveUpdateRefusedException">It would fail. Nothing was changed.</exception>
    /// <exception cref="LiveUpdateException">It failed, and was taken back: the message says why, and who does not go
    /// on, if any.</exception>
    public async Task RunAsync(LiveUpdatePlan plan, CancellationToken cancellationToken = default)
    {
        await PlanAsync(plan, cancellationToken).ConfigureAwait(false);
        await RunPlannedAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Carries the plan out that <see cref="PlanAsync"/> noted under this kernel. As <see cref="RunAsync"/>, without
    /// looking ahead once more.
    /// </summary>
    /// <exception cref="LiveUpdateException">There is none; or it failed, and was taken back.</exception>
    public async Task RunPlannedAsync(CancellationToken cancellationToken = default)
    {
        using PersistentRegion region = await BorrowJournalAsync(cancellationToken).ConfigureAwait(false);
        PlanJournal journal = Journal(region);
        if (journal.Read() is not { Phase: PlanPhase.Planned } record || record.BootId != _kernel.BootId)
        {
            throw new LiveUpdateException($"No plan was noted in {_arena.Text} under this kernel. gmfs live-update " +
                "run PLAN notes one and carries it out.");
        }

        await Run(journal, record, entersKernel: true).EnterNextKernelAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Goes on with the plan that is under way; does nothing where it is over, or was only noted. Under the next
    /// kernel: compares, restores, and lets everybody go on. Under the old one: goes on where who began it was killed,
    /// into the next kernel, or with taking it back.
    /// </summary>
    /// <param name="only">Whom, by name; null for all. Under the next kernel only.</param>
    /// <param name="cancellationToken">Under the old kernel, takes it back.</param>
    /// <returns>How it stands.</returns>
    /// <exception cref="LiveUpdateException">None is under way, or it was taken back.</exception>
    public async Task<PlanRecord> ResumeAsync(
        IReadOnlyCollection<string>? only = null, CancellationToken cancellationToken = default)
    {
        // Takes over what the old kernel's writer left; a service that has started has done so.
        _ = _arena.TryWrite(_ => { });
        using PersistentRegion region = await BorrowJournalAsync(cancellationToken).ConfigureAwait(false);
        PlanJournal journal = Journal(region);
        PlanRecord record = journal.Read() ?? throw NoPlan();
        bool enters = record.BootId == _kernel.BootId && record.Phase != PlanPhase.Aborting && !record.IsOver;
        PlanRun run = Run(journal, record, enters);
        if (record.BootId != _kernel.BootId)
        {
            if (!record.IsOver)
            {
                await run.ResumeAsync(only, cancellationToken).ConfigureAwait(false);
            }
        }
        else if (record.Phase == PlanPhase.Aborting)
        {
            await AbortAsync(run).ConfigureAwait(false);
        }
        else if (enters)
        {
            await run.EnterNextKernelAsync(cancellationToken).ConfigureAwait(false);
        }

        return run.Record;
    }

    /// <summary>Takes the plan back that is under way: everybody goes on under this kernel.</summary>
    /// <returns>How it stands.</returns>
    /// <exception cref="LiveUpdateException">There is none, or the next kernel has been entered; or somebody does not
    /// go on, and the message says who and why.</exception>
    public async Task<PlanRecord> AbortAsync(CancellationToken cancellationToken = default)
    {
        using PersistentRegion region = await BorrowJournalAsync(cancellationToken).ConfigureAwait(false);
        PlanJournal journal = Journal(region);
        PlanRecord record = journal.Read() ?? throw NoPlan();
        if (record.BootId != _kernel.BootId && !record.IsOver)
        {
            throw new LiveUpdateException("The plan cannot be taken back: this is not the kernel it was begun under " +
                "any more. gmfs live-update resume goes on with it.");
        }

        PlanRun run = Run(journal, record, entersKernel: false);
        if (record.Phase is not (PlanPhase.Done or PlanPhase.Aborted))
        {
            await AbortAsync(run).ConfigureAwait(false);
        }

        return run.Record;
    }

    /// <summary>
    /// Starts a machine of a plan: where it was saved and the next kernel runs, goes on with it; else from its
    /// beginning. A machine that runs already is left alone.
    /// </summary>
    /// <returns>The machine, to be waited for or disposed of: it runs on.</returns>
    /// <exception cref="LiveUpdateException">It was saved, and is not what was saved.</exception>
    /// <exception cref="VirtualMachineException">QEMU did not start.</exception>
    public async Task<VirtualMachine> StartMachineAsync(
        LiveUpdatePlan plan, string name, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        _given = plan;
        MachineSettings settings = plan.Machines.FirstOrDefault(machine => machine.Name == name)
            ?? throw new LiveUpdateException($"The plan has no machine '{name}'. It " +
                $"has: {string.Join(", ", plan.Machines.Select(machine => machine.Name))}.");
        if (ReadStatus() is { IsOver: false } record && record.BootId != _kernel.BootId
            && record.Participants.Any(one => one.Name == name))
        {
            ParticipantRecord now = (await ResumeAsync([name], cancellationToken).ConfigureAwait(false)).Of(name);
            if (now.Step == ParticipantStep.Refused)
            {
                throw new LiveUpdateException(now.Reason!);
            }
        }

        return await new MachineParticipant(settings, _arena, plan.Fingerprint, Guid.Empty).FindOrStartAsync(
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ServiceParticipant service in _services.Values)
        {
            service.Dispose();
        }

        _kept?.Dispose();
        _arena.Dispose();
    }

    private static async Task AbortAsync(PlanRun run)
    {
        IReadOnlyList<string> stuck = await run.AbortAsync().ConfigureAwait(false);
        if (stuck.Count > 0)
        {
            throw new LiveUpdateException(
                $"Not everybody goes on; gmfs live-update abort tries again. {string.Join(" ", stuck)}");
        }
    }

    private async Task MakeByOwnerAsync(
        LiveUpdatePlan plan, IReadOnlyList<NeededRegion> needed, CancellationToken cancellationToken)
    {
        foreach (ServiceParticipant service in Participants(plan, Guid.Empty).OfType<ServiceParticipant>())
        {
            if (await service.GetArenaAsync(cancellationToken).ConfigureAwait(false) == _arena.Reader.Id)
            {
                await service.MakeAsync(needed, cancellationToken).ConfigureAwait(false);
                return;
            }
        }
    }

    private LiveUpdateException NoPlan() =>
        new($"No plan is under way in {_arena.Text}. gmfs live-update run PLAN begins one.");

    /// <summary>
    /// The journal, for writing. Waits for another process that has it just now: at boot, each machine's unit takes up
    /// its own part of the plan.
    /// </summary>
    private async Task<PersistentRegion> BorrowJournalAsync(CancellationToken cancellationToken)
    {
        long start = _clock.GetTimestamp();
        while (true)
        {
            try
            {
                return _arena.Reader.BorrowRegion(PlanJournal.RegionName);
            }
            catch (RegionNotFoundException)
            {
                throw NoPlan();
            }
            catch (RegionLentException e) when (_clock.GetElapsedTime(start) > Patience)
            {
                throw new LiveUpdateException(
                    $"The plan is being carried out by process {e.HolderProcessId}, and was " +
                    $"not done within {Patience.TotalSeconds:0.###} s. Wait for it, or end it.", e);
            }
            catch (RegionLentException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), _clock, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private PlanJournal Journal(PersistentRegion region) => new(region) { Written = Written };

    private PlanRun Run(PlanJournal journal, PlanRecord record, bool entersKernel)
    {
        LiveUpdatePlan plan = PlanOf(record, entersKernel);
        return new(record, journal, Participants(plan, record.Id), KernelOf(plan), _arena.SetFrozen, _clock)
        {
            NextKernel = plan.Kernel,
            Progress = _progress,
        };
    }

    /// <summary>
    /// The plan that is carried out. Programs (the next kernel, a machine's hypervisor) come from the caller or from
    /// the file that the journal names, and are those that were noted; where none is started, the journal is enough.
    /// </summary>
    private LiveUpdatePlan PlanOf(PlanRecord record, bool entersKernel)
    {
        if (_given is { } given && given.Digest == record.PlanDigest)
        {
            return given;
        }

        return entersKernel || (record.NeedsPrograms && !record.IsOver) ? ReadPlan(record) : record.Plan;
    }

    private LiveUpdatePlan ReadPlan(PlanRecord record)
    {
        string file = record.PlanFile ?? throw new LiveUpdateException(
            $"The plan in {_arena.Text} names programs, and no file that they are in: an arena is not believed which "
            + "programs to start. Nothing was done. Give the plan itself (LiveUpdater.For).");
        LiveUpdatePlan plan = LiveUpdatePlan.Read(file, Trust);
        using PlanArena its = PlanArena.Of(plan);
        return plan.Digest == record.PlanDigest && its.Text == _arena.Text ? plan : throw new LiveUpdateException(
            $"The plan in {file} is not the one that is under way in {_arena.Text}: it was changed, or the arena's "
            + "journal was. Nothing was done. Put the file back as it was.");
    }

    private List<ILiveUpdateParticipant> Participants(LiveUpdatePlan plan, Guid id)
    {
        foreach (ServiceSettings service in plan.Services)
        {
            _services.TryAdd(service, new ServiceParticipant(service));
        }

        return
        [
            .. plan.Machines.Select(machine => new MachineParticipant(machine, _arena, plan.Fingerprint, id)),
            .. plan.Services.Select(service => _services[service]),
            .. plan.Kept.Select(kept => new KeptParticipant(kept, ArenasOf(plan))),
            .. More,
        ];
    }

    private INextKernel KernelOf(LiveUpdatePlan plan)
    {
        string[] stores = [.. _arena.Store is { } own ? [own] : Array.Empty<string>(),
            .. plan.Kept.Select(kept => kept.Name)];
        return stores.Length == 0 ? _kernel
            : new KeepingKernel(_kernel, stores, keepsPlan: _arena.Store is not null, ArenasOf(plan), Facts);
    }

    /// <summary>The plan's held arenas, its own among them: one object, which has their sessions.</summary>
    private KeptArenas ArenasOf(LiveUpdatePlan plan) =>
        _kept ??= OpenKept(
            store => Holders.Open(HolderOf(plan, store), store, Trust),
            _progress is null ? null : new KeptSteps(_progress));

    private string HolderOf(LiveUpdatePlan plan, string store) =>
        store == _arena.Store ? _arena.Holder! : plan.Kept.First(kept => kept.Name == store).Holder;

    /// <summary>Steps with kept arenas are steps of the plan.</summary>
    private sealed class KeptSteps(IProgress<LiveUpdateProgress> progress) : IProgress<KeptProgress>
    {
        public void Report(KeptProgress value) =>
            progress.Report(new LiveUpdateProgress(value.Store, value.Text, value.Took));
    }
}
