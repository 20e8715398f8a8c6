using System.Diagnostics;
using GuestMemFs.LiveUpdate.Luo;
using GuestMemFs.LiveUpdate.Luo.Native;

namespace GuestMemFs.LiveUpdate.Kept;

/// <summary>How an arena came over a kexec.</summary>
/// <param name="Store">Its name at the holder.</param>
/// <param name="ArenaId">The arena; null where nothing says which.</param>
/// <param name="Bytes">Bytes that came, or that are lost.</param>
/// <param name="Lost">Why it is lost; null where it came.</param>
public sealed record KeptOutcome(string Store, Guid? ArenaId, long Bytes, string? Lost);

/// <summary>
/// Takes arenas whose memory a holder has over a kexec by the kernel's Live Update Orchestrator: in the old kernel <see cref="Check"/> and <see cref="Enter"/>, in the next
/// <see cref="Restore(IReadOnlyList{string}, string)"/>.
/// </summary>
/// <remarks>Not thread-safe. Root's business. Sessions end with this object.</remarks>
public sealed class KeptArenas : IDisposable
{
    private readonly INextKernel _next;
    private readonly LuoKernel _luo;
    private readonly Func<LuoFacts> _facts;
    private readonly Func<string, DescriptorHolder> _open;
    private readonly IProgress<LiveUpdateProgress>? _progress;
    private readonly List<PreservedArena> _preserved = []; // as long as this object lives, and no collection may think otherwise

    /// <summary>Arenas at a holder.</summary>
    /// <param name="holder">The holder: the socket of <c>gmfs hold</c>.</param>
    /// <param name="progress">Told after each step.</param>
    public KeptArenas(string holder, IProgress<LiveUpdateProgress>? progress = null)
        : this(store => Holding.Holders.Open(holder, store), new NextKernel(), LuoKernel.Real, LuoFacts.Ask, progress)
    {
    }

    internal KeptArenas(Func<string, DescriptorHolder> open, INextKernel next, LuoKernel luo, Func<LuoFacts> facts, IProgress<LiveUpdateProgress>? progress)
    {
        _open = open;
        _next = next;
        _luo = luo;
        _facts = facts;
        _progress = progress;
    }

    /// <summary>Before the preserved sessions are looked for in /proc, which tests have no real ones in.</summary>
    internal Action<PreservedArena> RequireHeld { get; init; } = preserved => preserved.RequireHeld();

    /// <summary>What would fail, or lose memory. Nothing is changed.</summary>
    public IReadOnlyList<LiveUpdateFinding> Check(IReadOnlyList<string> stores, KernelSettings next)
    {
        ArgumentNullException.ThrowIfNull(stores);
        ArgumentNullException.ThrowIfNull(next);
        return [.. CheckMemory(stores, next, arena => !arena.Contents.Closed), .. _next.Check(next)];
    }

    /// <summary>What of the arenas and of what the kernel is told would lose memory.</summary>
    /// <param name="stores">Which.</param>
    /// <param name="next">The next kernel.</param>
    /// <param name="mustBeFrozen">Which are to be frozen by now: one that is closed can be frozen here, one whose program takes part will be by that.</param>
    internal IReadOnlyList<LiveUpdateFinding> CheckMemory(IReadOnlyList<string> stores, KernelSettings next, Func<ArenaMemory, bool> mustBeFrozen)
    {
        var findings = new List<LiveUpdateFinding>();
        List<(string Store, ArenaMemory Memory)> arenas = Gather(stores, findings);
        try
        {
            findings.AddRange(LuoPreflight.Check(arenas, next, _facts()));
            findings.AddRange(arenas.Where(arena => mustBeFrozen(arena.Memory)).SelectMany(arena => LuoPreflight.CheckFrozen(arena.Store, arena.Memory)));
            return findings;
        }
        finally
        {
            arenas.ForEach(arena => arena.Memory.Dispose());
        }
    }

    /// <summary>
    /// Freezes the arenas, loads the next kernel, preserves them, and enters it, from one process that holds the sessions all the while. Where anything fails, all of it is taken back.
    /// Returns only where something else ends this process.
    /// </summary>
    /// <exception cref="LiveUpdateRefusedException">It would fail, or lose memory. Nothing was changed.</exception>
    /// <exception cref="LiveUpdateException">It failed, and was taken back.</exception>
    public void Enter(IReadOnlyList<string> stores, KernelSettings next)
    {
        ArgumentNullException.ThrowIfNull(stores);
        ArgumentNullException.ThrowIfNull(next);
        var frozen = new List<string>();
        bool loaded = false;
        try
        {
            foreach (string store in stores)
            {
                Step(store, "frozen", () => frozen.AddRange(Freeze(store) ? [store] : []));
            }

            IReadOnlyList<LiveUpdateFinding> findings = [.. CheckMemory(stores, next, _ => true), .. _next.Check(next)];
            if (findings.Any(finding => finding.IsFatal))
            {
                throw new LiveUpdateRefusedException(findings);
            }

            KernelSettings told = next with { CommandLine = KeptWord.Write(KernelCommandLine.Of(next).Text, stores.Select(Describe)), Append = null, Entry = KernelEntry.Direct };
            Step("kernel", "loaded", () => _next.Load(told)); // Takes seconds, and nobody's memory is pinned meanwhile.
            loaded = true;
            Preserve(stores);
            _next.Enter(told);
        }
        catch
        {
            if (loaded)
            {
                _next.Unload();
            }

            Dispose();
            frozen.ForEach(ThawOrTell);
            throw;
        }
    }

    /// <summary>What the next kernel is told of an arena.</summary>
    internal KeptWord Describe(string store) => Look(store).Word;

    /// <summary>The same, and whether it is frozen.</summary>
    internal (KeptWord Word, bool Frozen) Look(string store)
    {
        using DescriptorHolder holder = _open(store);
        using ArenaMemory memory = ArenaMemory.OfHolder(holder);
        return (PreservedArena.WordOf(store, memory), memory.Contents.Frozen);
    }

    /// <summary>Has the kernel keep frozen arenas, as long as this object lives.</summary>
    internal void Preserve(IReadOnlyList<string> stores)
    {
        using LuoDevice device = LuoDevice.Open(_luo);
        foreach (string store in stores)
        {
            using DescriptorHolder holder = _open(store);
            using ArenaMemory memory = ArenaMemory.OfHolder(holder);
            Step(store, "preserved", () => _preserved.Add(PreservedArena.Preserve(device, store, memory)));
        }

        _preserved.ForEach(RequireHeld);
    }

    /// <summary>Throws unless an arena that was kept is with its holder again; gets it back where nobody has yet.</summary>
    /// <param name="kept">Its word.</param>
    internal void RequireBack(string kept)
    {
        KeptWord word = KeptWord.Read(kept).SingleOrDefault() ?? throw new LiveUpdateException($"'{kept}' says of no arena that it was kept.");
        try
        {
            if (Describe(word.Store).ArenaId == word.ArenaId)
            {
                return;
            }
        }
        catch (LiveUpdateException)
        {
            // Its holder has nothing of it: nobody has asked the kernel yet.
        }

        if (Restore([word.Store], kept).Single().Lost is { } why)
        {
            throw new LiveUpdateException(why);
        }
    }

    /// <summary>
    /// Under the next kernel: gets each arena back, compares who it is, attaches to it for reading, gives it to the holder, and only then lets the kernel finish. What is lost is told, and the holder tells it
    /// to whoever finds nothing there.
    /// </summary>
    /// <param name="stores">Which; empty for those that this kernel was told were kept.</param>
    /// <param name="commandLine">This kernel's.</param>
    /// <exception cref="LuoException">The device cannot be opened for a reason other than that there is none.</exception>
    /// <exception cref="MediumException">The holder is not there: what came stays with the kernel, and this can be called again.</exception>
    public IReadOnlyList<KeptOutcome> Restore(IReadOnlyList<string> stores, string commandLine)
    {
        ArgumentNullException.ThrowIfNull(stores);
        IReadOnlyList<KeptWord> words = KeptWord.Read(commandLine);
        var outcomes = new List<KeptOutcome>();
        foreach (string store in stores.Count > 0 ? stores : [.. words.Select(word => word.Store)])
        {
            KeptWord? word = words.LastOrDefault(one => one.Store == store);
            using DescriptorHolder holder = _open(store); // First: without it nothing is asked of the kernel, which gives each session once.
            KeptOutcome outcome = Restore(store, word, holder);
            if (outcome.Lost is { } why)
            {
                (holder as Holding.DaemonHolder)?.Note(why);
            }

            outcomes.Add(outcome);
        }

        return outcomes;
    }

    /// <summary>Closes the sessions: what they preserved is given back.</summary>
    public void Dispose()
    {
        _preserved.ForEach(one => one.Dispose());
        _preserved.Clear();
    }

    private KeptOutcome Restore(string store, KeptWord? word, DescriptorHolder holder)
    {
        try
        {
            using LuoDevice device = LuoDevice.Open(_luo);
            RetrievedArena? arena = null;
            Step(store, "retrieved", () => arena = RetrievedArena.Retrieve(device, store));
            using (arena)
            {
                if (word is not null && word.ArenaId != arena!.Memory.Contents.ArenaId)
                {
                    throw new LiveUpdateException($"Arena {arena.Memory.Contents.ArenaId} came, and arena {word.ArenaId} was kept.");
                }

                Step(store, "attached", () => arena!.Verify());
                Step(store, "held", () => arena!.GiveTo(holder));
                Step(store, "finished", arena!.Finish);
                return new KeptOutcome(store, arena.Memory.Contents.ArenaId, arena.Memory.Bytes, null);
            }
        }
        catch (Exception e) when (e is ArenaException or (LiveUpdateException and not LuoDeviceBusyException))
        {
            string was = word is null
                ? $"Nothing says that '{store}' was kept over the last kexec (the command line has no gmfs.kept={store})."
                : FormattableString.Invariant($"Arena {word.ArenaId}, {word.Bytes} bytes, was preserved under boot {word.BootId} and did not come over the kexec: it is lost.");
            return new KeptOutcome(store, word?.ArenaId, word?.Bytes ?? 0, $"{was} {e.Message}");
        }
    }

    private List<(string Store, ArenaMemory Memory)> Gather(IReadOnlyList<string> stores, List<LiveUpdateFinding> findings)
    {
        var arenas = new List<(string Store, ArenaMemory Memory)>();
        foreach (string store in stores)
        {
            try
            {
                using DescriptorHolder holder = _open(store);
                arenas.Add((store, ArenaMemory.OfHolder(holder)));
            }
            catch (Exception e) when (e is LiveUpdateException or MediumException or ArenaException)
            {
                findings.Add(new LiveUpdateFinding(true, store, e.Message, "Look what gmfs hold has, and under which name."));
            }
        }

        return arenas;
    }

    /// <summary>As the arena's writer, which there must be no other of unless it has frozen it itself.</summary>
    /// <returns>True where it was not frozen before.</returns>
    internal bool Freeze(string store)
    {
        try
        {
            using Medium medium = Medium.FromHolder(_open(store));
            using PersistentArena arena = PersistentArena.Open(new ArenaOptions { Medium = medium });
            bool before = arena.IsFrozen;
            arena.Freeze();
            return !before;
        }
        catch (ArenaInUseException e)
        {
            return Look(store).Frozen
                ? false
                : throw new LiveUpdateException($"Arena '{store}' has a writer, process {e.ProcessId}, and is not frozen. Stop it (its memory stays with the holder), or have it freeze the arena.", e);
        }
        catch (Exception e) when (e is ArenaException or MediumException)
        {
            throw new LiveUpdateException($"Arena '{store}' cannot be frozen: {e.Message}", e);
        }
    }

    /// <summary>Takes that back, unless the arena has a writer: then that is whose it is.</summary>
    /// <exception cref="LiveUpdateException">It cannot be: the arena is still frozen.</exception>
    internal void Thaw(string store)
    {
        try
        {
            using Medium medium = Medium.FromHolder(_open(store));
            using PersistentArena arena = PersistentArena.Open(new ArenaOptions { Medium = medium });
            arena.Thaw();
        }
        catch (ArenaInUseException)
        {
            // Its writer froze it and has it yet: so it thaws it.
        }
        catch (Exception e) when (e is ArenaException or MediumException)
        {
            throw new LiveUpdateException($"Arena '{store}' is still frozen: {e.Message}", e);
        }
    }

    private void ThawOrTell(string store)
    {
        try
        {
            Thaw(store);
        }
        catch (LiveUpdateException e)
        {
            _progress?.Report(new LiveUpdateProgress(store, e.Message, TimeSpan.Zero)); // What failed before is what is thrown.
        }
    }

    private void Step(string subject, string text, Action action)
    {
        long since = Stopwatch.GetTimestamp();
        action();
        _progress?.Report(new LiveUpdateProgress(subject, text, Stopwatch.GetElapsedTime(since)));
    }
}
