using GuestMemFs.LiveUpdate.Journal;
using GuestMemFs.LiveUpdate.Kexec;
using GuestMemFs.LiveUpdate.Participants;

namespace GuestMemFs.LiveUpdate.Coordinator;

/// <summary>Looks ahead: everything that a plan needs, asked for without anybody standing still.</summary>
internal sealed class Preflight(
    LiveUpdatePlan plan, PlanArena arena, IReadOnlyList<ILiveUpdateParticipant> participants, INextKernel kernel)
{
    private const string Subject = "arena";
    private readonly List<LiveUpdateFinding> _findings = [];

    public async Task<IReadOnlyList<LiveUpdateFinding>> RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await CheckArenaAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ArenaException or MediumException)
        {
            Add(true, Subject, e.Message, plan.Holder is { } holder
                ? $"gmfs explain --holder {holder} --name {plan.Arena} says more."
                : $"gmfs explain --arena {plan.Arena} says more.");
            return _findings; // Nothing of what follows can be asked for.
        }

        foreach (MachineSettings machine in plan.Machines.Where(machine => Find(machine.Executable) is null))
        {
            Add(true, machine.Name, $"There is no program '{machine.Executable}'.",
                "Install it, or give its path as the machine's 'executable'.");
        }

        foreach (ILiveUpdateParticipant one in participants)
        {
            await AskAsync(one.Name, one.Deadline, one.PrepareAsync, cancellationToken).ConfigureAwait(false);
        }

        _findings.AddRange(kernel.Check(plan.Kernel));
        return _findings;
    }

    private async Task CheckArenaAsync(CancellationToken cancellationToken)
    {
        ArenaInUseException? owned = arena.TryWrite(_ => { });
        if (!kernel.Keeps(arena.Reader.Medium))
        {
            Add(true, Subject, $"{arena.Text} is on {arena.Reader.Medium.Name}, which no kexec leaves as it is.",
                "Put the arena on guestmemfs or DAX (gmfs media says what this machine has).");
        }

        if (arena.ReadRecord() is { IsOver: false } record)
        {
            Add(true, Subject, $"A plan is under way in it ({record.Phase}, {record.Id}).",
                "gmfs live-update resume goes on with it, gmfs live-update abort takes it back.");
        }

        IReadOnlyList<NeededRegion> missing = arena.Missing(PlanArena.Needed(plan));
        if (owned is not null && await FindOwnerAsync(cancellationToken).ConfigureAwait(false) is null)
        {
            Add(true, Subject,
                $"Its writer is process {owned.ProcessId}, and no service of the plan: it would not be " +
                "told to finish what is in flight.", "Add it to the plan's services, or stop it.");
        }
        else if (missing.Count > 0 && arena.Reader.IsFrozen)
        {
            Add(true, Subject, "It is frozen, and the plan needs regions that are not there.",
                "gmfs thaw takes the freeze back.");
        }

        ArenaSpace space = arena.Reader.GetSpace();
        long needed = missing.Sum(one => one.Length);
        if (needed > space.Free + space.Reusable)
        {
            Add(true, Subject, $"The plan's journal and the states of its machines need {needed} bytes more, " +
                $"and {space.Free + space.Reusable} are free.",
                "Delete a region, or give machines a smaller stateSize (a QEMU state without RAM is below 1 MiB).");
        }
    }

    /// <summary>The service that is the arena's writer.</summary>
    private async Task<ServiceParticipant?> FindOwnerAsync(CancellationToken cancellationToken)
    {
        foreach (ServiceParticipant service in participants.OfType<ServiceParticipant>())
        {
            Guid? id = null;
            await AskAsync(service.Name, service.Deadline, async token =>
                id = await service.GetArenaAsync(token).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
            if (id == arena.Reader.Id)
            {
                return service;
            }
        }

        return null;
    }

    private async Task AskAsync(
        string name, TimeSpan deadline, Func<CancellationToken, Task> question, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(deadline);
        try
        {
            await question(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (OperationCanceledException)
        {
            Add(true, name, $"It did not answer within {deadline.TotalSeconds:0.###} s.",
                "Look whether it hangs, or give it a longer deadline.");
        }
        catch (Exception e) // whatever a participant throws is what would fail
        {
            Add(true, name, e.Message, string.Empty);
        }
    }

    private static string? Find(string program) => program.Contains('/', StringComparison.Ordinal)
        ? File.Exists(program) ? program : null
        : (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':').Select(folder =>
            Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    private void Add(bool fatal, string subject, string text, string remedy)
    {
        var finding = new LiveUpdateFinding(fatal, subject, text, remedy);
        if (!_findings.Contains(finding))
        {
            _findings.Add(finding);
        }
    }
}
