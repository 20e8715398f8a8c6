using System.Diagnostics;
using GuestMemFs.Holding;
using GuestMemFs.LiveUpdate.Journal;
using GuestMemFs.LiveUpdate.Kexec;
using GuestMemFs.LiveUpdate.Participants;

namespace GuestMemFs.LiveUpdate.Coordinator;

/// <summary>
/// Carries a plan out, step by step, each noted in the journal when it is done. Whoever is killed in between is
/// followed by another that reads how far it is: a step that was done and not noted is asked for again, which
/// participants allow.
/// </summary>
internal sealed class PlanRun
{
    private const string Kernel = "kernel";
    private readonly PlanJournal _journal;
    private readonly List<ILiveUpdateParticipant> _participants;
    private readonly INextKernel _kernel;
    private readonly Action<bool> _freeze;
    private readonly TimeProvider _clock;
    private PlanRecord _record;

    /// <summary>Takes a plan up where its record says.</summary>
    /// <param name="record">The journal's newest, or a new one.</param>
    /// <param name="journal">Where it is noted.</param>
    /// <param name="participants">As many as in the record.</param>
    /// <param name="kernel">The next kernel.</param>
    /// <param name="freeze">Freezes the arena, or thaws it.</param>
    /// <param name="clock">For the times in the record.</param>
    public PlanRun(PlanRecord record, PlanJournal journal, IEnumerable<ILiveUpdateParticipant> participants,
        INextKernel kernel, Action<bool> freeze, TimeProvider clock)
    {
        _record = record;
        _journal = journal;
        _participants = [.. participants.OrderBy(one => one.Order)];
        _kernel = kernel;
        _freeze = freeze;
        _clock = clock;
    }

    /// <summary>What is loaded and entered.</summary>
    public required KernelSettings NextKernel { get; init; }

    /// <summary>Who is told.</summary>
    public IProgress<LiveUpdateProgress>? Progress { get; init; }

    /// <summary>As it is noted.</summary>
    public PlanRecord Record => _record;

    /// <summary>Saves and freezes everybody and enters the next kernel. What fails before is taken back.</summary>
    /// <exception cref="LiveUpdateException">It failed, and everybody goes on under this kernel; or not everybody, and
    /// the message says who.</exception>
    public async Task EnterNextKernelAsync(CancellationToken cancellationToken)
    {
        AskServicesAgain();
        try
        {
            Step(Kernel, "loaded", () => _kernel.Load(NextKernel));
            await EachAsync(ParticipantStep.Prepared, async (one, record, token) =>
            {
                await one.PrepareAsync(token).ConfigureAwait(false);
                return record;
            }, cancellationToken).ConfigureAwait(false);
            Note(_record with { Phase = PlanPhase.Saving });
            await EachAsync(ParticipantStep.Saved, async (one, record, token) =>
            {
                DateTimeOffset stopped = record.Stopped ?? _clock.GetUtcNow();
                return record with { Saved = await one.SaveAsync(token).ConfigureAwait(false), Stopped = stopped };
            }, cancellationToken).ConfigureAwait(false);
            await EachAsync(ParticipantStep.Frozen, async (one, record, token) =>
            {
                await one.FreezeAsync(token).ConfigureAwait(false);
                return record;
            }, cancellationToken).ConfigureAwait(false);
            Step("arena", "frozen", () => _freeze(true));
            Note(_record with { Phase = PlanPhase.Entering });
            foreach (ServiceParticipant service in _participants.OfType<ServiceParticipant>())
            {
                await WithinAsync(service, service.EnterAsync, "did not hear that the kernel is entered",
                    CancellationToken.None).ConfigureAwait(false);
            }

            _kernel.Enter(NextKernel);
        }
        catch (Exception e)
        {
            Note(_record with { Phase = PlanPhase.Aborting, Problem = e.Message });
            IReadOnlyList<string> stuck = await AbortAsync().ConfigureAwait(false);
            string others = stuck.Count == 0 ? "Everybody goes on under this kernel."
                : "Not everybody goes on: " + string.Join(" ", stuck);
            throw new LiveUpdateException($"The live update was taken back: {e.Message} {others}", e);
        }
    }

    /// <summary>Takes it back under the old kernel: by falling order, everybody goes on.</summary>
    /// <returns>Who could not, and why; they are tried again by the next call.</returns>
    public async Task<IReadOnlyList<string>> AbortAsync()
    {
        List<string> stuck = [];
        Note(_record with { Phase = PlanPhase.Aborting, Problem = _record.Problem ?? "it was asked for" });
        try
        {
            _kernel.Unload();
            _freeze(false);
        }
        catch (Exception e) when (e is ArenaException or HoldingException or LiveUpdateException or IOException)
        {
            stuck.Add($"The arena is still frozen: {e.Message}");
        }

        foreach (ILiveUpdateParticipant one in Enumerable.Reverse(_participants))
        {
            ParticipantRecord record = _record.Of(one.Name);
            if (record.Step is ParticipantStep.Waiting or ParticipantStep.Aborted)
            {
                continue;
            }

            long start = Stopwatch.GetTimestamp();
            try
            {
                await WithinAsync(one, token => one.AbortAsync(record.Saved, token), "did not go on",
                    CancellationToken.None).ConfigureAwait(false);
                Note(_record.With(record with { Step = ParticipantStep.Aborted, Resumed = _clock.GetUtcNow() }));
                Tell(one.Name, "goes on", start);
            }
            catch (LiveUpdateException e)
            {
                stuck.Add(e.Message);
                Note(_record.With(record with { Reason = e.Message }));
                Tell(one.Name, e.Message, start);
            }
        }

        if (stuck.Count == 0)
        {
            Note(_record with { Phase = PlanPhase.Aborted });
        }

        return stuck;
    }

    /// <summary>
    /// Under the next kernel: compares what was saved, and lets go on who is whole, by falling order. Who is not stays
    /// as it is, and says why.
    /// </summary>
    public async Task ResumeAsync(IReadOnlyCollection<string>? only, CancellationToken cancellationToken)
    {
        Note(_record with { Phase = PlanPhase.Resuming });
        foreach (ILiveUpdateParticipant one in Enumerable.Reverse(_participants).Where(one =>
            only is null || only.Contains(one.Name)))
        {
            long start = Stopwatch.GetTimestamp();
            try
            {
                await ResumeAsync(one, cancellationToken).ConfigureAwait(false);
            }
            catch (LiveUpdateException e)
            {
                Note(_record.With(_record.Of(one.Name) with { Step = ParticipantStep.Refused, Reason = e.Message }));
                Tell(one.Name, "refused: " + e.Message, start);
            }
        }

        if (_record.Participants.All(one => one.Step is ParticipantStep.Resumed or ParticipantStep.Refused))
        {
            Note(_record with { Phase = PlanPhase.Done });
        }
    }

    private async Task ResumeAsync(ILiveUpdateParticipant one, CancellationToken cancellationToken)
    {
        ParticipantRecord record = _record.Of(one.Name);
        if (record.Step is ParticipantStep.Resumed or ParticipantStep.Refused)
        {
            return;
        }

        string saved = record.Saved ?? throw new LiveUpdateException(
            $"'{one.Name}' was not saved when the kernel ended: it cannot go on where it was. Its memory is " +
            "left as it is.");
        if (record.Step != ParticipantStep.Verified)
        {
            long begin = Stopwatch.GetTimestamp();
            await WithinAsync(one, token => one.VerifyAsync(saved, token), "could not be verified",
                cancellationToken).ConfigureAwait(false);
            record = record with { Step = ParticipantStep.Verified };
            Note(_record.With(record));
            Tell(one.Name, "verified", begin);
        }

        long start = Stopwatch.GetTimestamp();
        await WithinAsync(one, token => one.ResumeAsync(saved, token), "did not go on",
            cancellationToken).ConfigureAwait(false);
        Note(_record.With(record with { Step = ParticipantStep.Resumed, Resumed = _clock.GetUtcNow() }));
        Tell(one.Name, "goes on", start);
    }

    /// <summary>
    /// A service stands still while who asked it is connected. One that a killed process saved has gone on, and is not
    /// what was noted any more.
    /// </summary>
    private void AskServicesAgain()
    {
        foreach (ParticipantRecord record in _participants.OfType<ServiceParticipant>().Select(service =>
            _record.Of(service.Name)).Where(record => record.Step is ParticipantStep.Saved or ParticipantStep.Frozen))
        {
            _record = _record.With(record with { Step = ParticipantStep.Prepared, Saved = null, Stopped = null });
        }
    }

    /// <summary>Brings everybody who is not there yet to a step.</summary>
    private async Task EachAsync(ParticipantStep step,
        Func<ILiveUpdateParticipant, ParticipantRecord, CancellationToken, Task<ParticipantRecord>> action,
        CancellationToken cancellationToken)
    {
        foreach (ILiveUpdateParticipant one in _participants.Where(one => _record.Of(one.Name).Step < step))
        {
            long start = Stopwatch.GetTimestamp();
            ParticipantRecord record = _record.Of(one.Name);
            await WithinAsync(one, async token => record = await action(one, record, token).ConfigureAwait(false),
                $"was not {Words(step)}", cancellationToken).ConfigureAwait(false);
            Note(_record.With(record with { Step = step }));
            Tell(one.Name, Words(step), start);
        }
    }

    /// <summary>A step with its deadline; whatever goes wrong in it is the participant's.</summary>
    private static async Task WithinAsync(
        ILiveUpdateParticipant one, Func<CancellationToken, Task> action, string failed,
        CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(one.Deadline);
        try
        {
            await action(limit.Token).WaitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (LiveUpdateException)
        {
            throw;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e)
        {
            string why = e is OperationCanceledException ? $"it took longer than {one.Deadline.TotalSeconds:0.###} s"
                : e.Message;
            throw new LiveUpdateException($"'{one.Name}' {failed}: {why}", e);
        }
    }

    private static string Words(ParticipantStep step) => step switch
    {
        ParticipantStep.Prepared => "prepared",
        ParticipantStep.Saved => "saved",
        _ => "frozen",
    };

    private void Step(string subject, string text, Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        Tell(subject, text, start);
    }

    private void Note(PlanRecord record)
    {
        Invariant.Holds(PlanCourse.MayFollow(_record, record), 1);
        _journal.Write(record);
        _record = record;
    }

    private void Tell(string subject, string text, long start) =>
        Progress?.Report(new LiveUpdateProgress(subject, text, Stopwatch.GetElapsedTime(start)));
}
