using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>
/// What makes a process the one writer. The lock keeps a second writer of this kernel out; the epoch fences one that
/// lost the lock without noticing; the record tells people who it is.
/// </summary>
/// <remarks>
/// <code>
///   closed(e) --lock, state word "open"--> open --epoch word--> writer of e + 1 --Close--> closed(e + 1)
/// </code>
/// <para>Invariants:</para>
/// <list type="number">
/// <item>An epoch is above all before it, in the word and in the journal. Else a fenced writer's commits count.</item>
/// <item>Word and journal agree once a writer has attached. Else one of them, damaged, brings an old epoch back.</item>
/// </list>
/// </remarks>
internal static unsafe class WriterLock
{
    private const int AttemptsAfterDeath = 100;

    /// <summary>In milliseconds, between two looks at a lock that is waited for.</summary>
    private const int WaitingStep = 2;

    /// <summary>
    /// Takes the lock, or throws with who has it. Where the record's process is not there any more, the lock is waited
    /// for: a child that the process was just forking has the descriptor until it executes its program.
    /// </summary>
    /// <param name="metadata">The file whose lock it is.</param>
    /// <param name="location">For the message.</param>
    /// <param name="patience">For how long a living writer is waited for.</param>
    /// <returns>True where somebody had it first.</returns>
    public static bool Lock(MetadataFile metadata, string location, Patience patience = default)
    {
        bool waited = false;
        while (!metadata.File.TryLock())
        {
            if (!patience.Lasts)
            {
                LockAfterDeath(metadata, location, patience.Limit);
                return true;
            }

            waited = true;
            Thread.Sleep(WaitingStep);
        }

        return waited;
    }

    private static void LockAfterDeath(MetadataFile metadata, string location, TimeSpan waited)
    {
        bool known = false;
        WriterRecord record = default;
        for (int attempt = 0; attempt < AttemptsAfterDeath; attempt++)
        {
            if (metadata.File.TryLock())
            {
                return;
            }

            known = WriterRecord.TryRead(metadata.Start + MetadataLayout.Writer, out record);
            if (!known || new ProcessIdentity((int)record.ProcessId, record.ProcessStart, record.BootId).IsAlive())
            {
                break;
            }

            Thread.Sleep(10);
        }

        throw new ArenaInUseException(
            location,
            known ? (int)record.ProcessId : null,
            known ? DateTimeOffset.FromUnixTimeMilliseconds(record.SinceUnixMilliseconds) : null,
            waited);
    }

    /// <summary>
    /// Marks the arena open, raises the epoch and commits it. The epoch is in a word of its own and in the journal: it
    /// never goes back, whichever of them is damaged.
    /// </summary>
    /// <returns>True where the last writer had closed the arena.</returns>
    public static bool Take(
        MetadataLayout layout, MetadataJournal journal, string location, TimeProvider clock,
        List<AttachReason> findings)
    {
        uint newest = NewestEpoch(layout, journal.Tables.State.Epoch, location, findings);
        bool clean = IsClosed(layout, newest);
        if (!clean)
        {
            findings.Add(NotClosed(layout));
        }

        uint epoch = newest + 1;
        Persist.Publish(layout.State, SealedWord.Seal(epoch, layout.Seed(WordKind.Open)));
        ProcessIdentity self = ProcessIdentity.Current;
        if (newest > 0 && WriterRecord.TryRead(layout.WriterRecord, out WriterRecord last)
            && last.BootId != self.BootId)
        {
            findings.Add(new(ReasonCodes.KernelSurvived,
                $"The content was written under another kernel (boot {last.BootId}, by process {last.ProcessId}) and " +
                $"came through to this one (boot {self.BootId})."));
        }

        new WriterRecord
        {
            ProcessId = (ulong)self.Pid,
            ProcessStart = self.StartTime,
            BootId = self.BootId,
            SinceUnixMilliseconds = clock.GetUtcNow().ToUnixTimeMilliseconds(),
            Epoch = epoch,
        }.WriteTo(layout.WriterRecord);
        ulong attached = SealedWord.Seal(epoch, layout.Seed(WordKind.Epoch));
        Persist.Publish(layout.Epoch, attached); // COMMIT POINT: attach
        journal.Epoch = epoch;

        ArenaState state = journal.Tables.State with { Epoch = epoch };
        if (state.Frozen && state.FrozenBoot != self.BootId)
        {
            findings.Add(new(ReasonCodes.Thawed,
                $"The arena was frozen under another kernel (boot {state.FrozenBoot}) and is thawed."));
            state = state with { Frozen = false, FrozenBoot = Guid.Empty };
        }

        journal.Commit(new Transaction().Set(state));
        Invariant.Holds(layout.HasEpoch(epoch) && journal.Tables.State.Epoch == epoch, 2);
        return clean;
    }

    private static uint NewestEpoch(MetadataLayout layout, ulong journal, string location, List<AttachReason> findings)
    {
        if (!SealedWord.TryOpen(Words.Read(layout.Epoch), layout.Seed(WordKind.Epoch), out uint word))
        {
            findings.Add(new(ReasonCodes.EpochRepaired,
                $"The writer's epoch did not check; the journal says {journal}."));
            word = 0;
        }

        uint newest = (uint)Math.Max(journal, word);
        Invariant.Holds(newest >= journal && newest >= word, 1);
        return newest < uint.MaxValue ? newest : throw ArenaDamagedException.Epoch(location, newest);
    }

    private static AttachReason NotClosed(MetadataLayout layout) =>
        SealedWord.TryOpen(Words.Read(layout.State), layout.Seed(WordKind.Open), out _)
            ? new(ReasonCodes.NotClosed, LastWriter(layout))
            : new(ReasonCodes.StateWordDamaged,
                "The word that says open or clean did not check; the arena is taken as not closed.");

    /// <summary>True where the writer of that epoch closed the arena.</summary>
    public static bool IsClosed(MetadataLayout layout, uint epoch) =>
        SealedWord.TryOpen(Words.Read(layout.State), layout.Seed(WordKind.Clean), out uint closedBy)
        && closedBy == epoch;

    /// <summary>Marks the arena closed, unless another writer has it.</summary>
    public static void Close(MetadataLayout layout, uint epoch)
    {
        if (layout.HasEpoch(epoch))
        {
            ulong clean = SealedWord.Seal(epoch, layout.Seed(WordKind.Clean));
            Persist.Publish(layout.State, clean); // COMMIT POINT: close
        }
    }

    private static string LastWriter(MetadataLayout layout) =>
        WriterRecord.TryRead(layout.WriterRecord, out WriterRecord record)
        ? $"The last writer (process {record.ProcessId}, " +
            $"since {DateTimeOffset.FromUnixTimeMilliseconds(record.SinceUnixMilliseconds):u}, under " +
            (record.BootId == ProcessIdentity.Current.BootId ? "this" : "another") +
            " kernel) did not close the arena."
        : "The last writer did not close the arena.";
}
