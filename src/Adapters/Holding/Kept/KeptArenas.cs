using System.Diagnostics;
using System.Globalization;
using GuestMemFs.Holding.Native;

namespace GuestMemFs.Holding;

/// <summary>
/// Arenas whose memory a holder has, and which the kernel's Live Update Orchestrator keeps over a kexec: under the old
/// kernel <see cref="Freeze"/> and <see cref="Preserve"/>, under the next
/// <see cref="Restore(IReadOnlyList{string}, string)"/>.
/// </summary>
/// <remarks>Not thread-safe. Root's business. Sessions end with this object.</remarks>
public sealed class KeptArenas : IDisposable
{
    private readonly LuoKernel _luo;
    private readonly Func<string, DescriptorHolder> _open;
    private readonly IProgress<KeptProgress>? _progress;
    // as long as this object lives, and no collection may think otherwise
    private readonly List<PreservedArena> _preserved = [];

    /// <summary>Arenas at a holder.</summary>
    /// <param name="holder">The holder: the socket of <c>gmfs hold</c>.</param>
    /// <param name="progress">Told after each step.</param>
    public KeptArenas(string holder, IProgress<KeptProgress>? progress = null)
        : this(store => Holders.Open(holder, store), LuoKernel.Real, progress)
    {
    }

    /// <summary>Arenas at several holders.</summary>
    /// <param name="open">Opens the holder of an arena, by the arena's name there.</param>
    /// <param name="progress">Told after each step.</param>
    public KeptArenas(Func<string, DescriptorHolder> open, IProgress<KeptProgress>? progress = null)
        : this(open, LuoKernel.Real, progress)
    {
    }

    internal KeptArenas(Func<string, DescriptorHolder> open, LuoKernel luo, IProgress<KeptProgress>? progress)
    {
        ArgumentNullException.ThrowIfNull(open);
        _open = open;
        _luo = luo;
        _progress = progress;
    }

    /// <summary>Before the preserved sessions are looked for in /proc, which tests have no real ones in.</summary>
    internal Action<PreservedArena> RequireHeld { get; init; } = preserved => preserved.RequireHeld();

    /// <summary>What the next kernel is told of an arena.</summary>
    public KeptWord Describe(string store) => Look(store).Word;

    /// <summary>The same, and whether it is frozen.</summary>
    public (KeptWord Word, bool Frozen) Look(string store)
    {
        using ArenaMemory memory = Open(store);
        return (PreservedArena.WordOf(store, memory), memory.Contents.IsFrozen);
    }

    /// <summary>The arena's memory.</summary>
    /// <exception cref="HoldingException">Its holder has nothing of it, or not all.</exception>
    /// <exception cref="MediumException">The holder is not there.</exception>
    public ArenaMemory Open(string store)
    {
        using DescriptorHolder holder = _open(store);
        return ArenaMemory.OfHolder(holder);
    }

    /// <summary>Has the kernel keep frozen arenas, as long as this object lives.</summary>
    public void Preserve(IReadOnlyList<string> stores)
    {
        ArgumentNullException.ThrowIfNull(stores);
        using LuoDevice device = LuoDevice.Open(_luo);
        foreach (string store in stores)
        {
            using ArenaMemory memory = Open(store);
            Step(store, "preserved", () => _preserved.Add(PreservedArena.Preserve(device, store, memory)));
        }

        _preserved.ForEach(RequireHeld);
    }

    /// <summary>
    /// Throws unless an arena that was kept is with its holder again; gets it back where nobody has yet.
    /// </summary>
    /// <param name="kept">Its word.</param>
    public void RequireBack(string kept)
    {
        KeptWord word = KeptWord.Read(kept).SingleOrDefault()
            ?? throw new HoldingException($"'{kept}' says of no arena that it was kept.");
        try
        {
            if (Describe(word.Store).ArenaId == word.ArenaId)
            {
                return;
            }
        }
        catch (HoldingException)
        {
            // Its holder has nothing of it: nobody has asked the kernel yet.
        }

        if (Restore([word.Store], kept).Single().Lost is { } why)
        {
            throw new HoldingException(why);
        }
    }

    /// <summary>
    /// Under the next kernel: gets each arena back, compares who it is, attaches to it for reading, gives it to the
    /// holder, and only then lets the kernel finish. What is lost is told, and the holder tells it to whoever finds
    /// nothing there.
    /// </summary>
    /// <param name="stores">Which; empty for those that this kernel was told were kept.</param>
    /// <param name="commandLine">This kernel's.</param>
    /// <exception cref="LuoException">The device cannot be opened for a reason other than that there is
    /// none.</exception>
    /// <exception cref="MediumException">The holder is not there: what came stays with the kernel, and this can be
    /// called again.</exception>
    public IReadOnlyList<KeptOutcome> Restore(IReadOnlyList<string> stores, string commandLine)
    {
        ArgumentNullException.ThrowIfNull(stores);
        IReadOnlyList<KeptWord> words = KeptWord.Read(commandLine);
        var outcomes = new List<KeptOutcome>();
        foreach (string store in stores.Count > 0 ? stores : [.. words.Select(word => word.Store)])
        {
            KeptWord? word = words.LastOrDefault(one => one.Store == store);
            // First: without it nothing is asked of the kernel, which gives each session once.
            using DescriptorHolder holder = _open(store);
            KeptOutcome outcome = Restore(store, word, holder);
            if (outcome.Lost is { } why)
            {
                (holder as DaemonHolder)?.Note(why);
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
                    throw new HoldingException(
                        $"Arena {arena.Memory.Contents.ArenaId} came, and arena {word.ArenaId} was kept.");
                }

                Step(store, "attached", () => arena!.Verify());
                Step(store, "held", () => arena!.GiveTo(holder));
                Step(store, "finished", arena!.Finish);
                return new KeptOutcome(store, arena.Memory.Contents.ArenaId, arena.Memory.Bytes, null);
            }
        }
        catch (Exception e) when (e is ArenaException or (HoldingException and not LuoDeviceBusyException))
        {
            string was = word is null
                ? $"Nothing says that '{store}' was kept over the last kexec (the command line has no " +
                    $"gmfs.kept={store})."
                : string.Create(CultureInfo.InvariantCulture,
                    $"Arena {word.ArenaId}, {word.Bytes} bytes, was preserved " +
                    $"under boot {word.BootId} and did not come over the kexec: it is lost.");
            return new KeptOutcome(store, word?.ArenaId, word?.Bytes ?? 0, $"{was} {e.Message}");
        }
    }

    /// <summary>As the arena's writer, which there must be no other of unless it has frozen it itself.</summary>
    /// <returns>True where it was not frozen before.</returns>
    public bool Freeze(string store)
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
                : throw new HoldingException($"Arena '{store}' has a writer, process {e.ProcessId}, and is not " +
                    "frozen. Stop it (its memory stays with the holder), or have it freeze the arena.", e);
        }
        catch (Exception e) when (e is ArenaException or MediumException)
        {
            throw new HoldingException($"Arena '{store}' cannot be frozen: {e.Message}", e);
        }
    }

    /// <summary>Takes that back, unless the arena has a writer: then that is whose it is.</summary>
    /// <exception cref="HoldingException">It cannot be: the arena is still frozen.</exception>
    public void Thaw(string store)
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
            throw new HoldingException($"Arena '{store}' is still frozen: {e.Message}", e);
        }
    }

    private void Step(string subject, string text, Action action)
    {
        long since = Stopwatch.GetTimestamp();
        action();
        _progress?.Report(new KeptProgress(subject, text, Stopwatch.GetElapsedTime(since)));
    }
}
