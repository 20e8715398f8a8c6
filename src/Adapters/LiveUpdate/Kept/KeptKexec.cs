using System.Diagnostics;
using GuestMemFs.Holding;
using GuestMemFs.LiveUpdate.Kept;
using GuestMemFs.LiveUpdate.Kexec;

namespace GuestMemFs.LiveUpdate;

/// <summary>
/// Enters the next kernel with arenas that it keeps by its Live Update Orchestrator: all by itself, without a plan.
/// Under the next kernel <see cref="KeptArenas.Restore(IReadOnlyList{string}, string)"/> gets them back.
/// </summary>
/// <remarks>Not thread-safe. Root's business. The sessions are those of the arenas' object.</remarks>
public sealed class KeptKexec
{
    private readonly KeptArenas _arenas;
    private readonly INextKernel _next;
    private readonly Func<LuoFacts> _facts;
    private readonly IProgress<LiveUpdateProgress>? _progress;

    /// <summary>Of these arenas.</summary>
    /// <param name="arenas">They have to live until the kernel is entered.</param>
    /// <param name="progress">Told after each step.</param>
    public KeptKexec(KeptArenas arenas, IProgress<LiveUpdateProgress>? progress = null)
        : this(arenas, new NextKernel(), LuoFacts.Ask, progress)
    {
    }

    internal KeptKexec(
        KeptArenas arenas, INextKernel next, Func<LuoFacts> facts, IProgress<LiveUpdateProgress>? progress)
    {
        ArgumentNullException.ThrowIfNull(arenas);
        _arenas = arenas;
        _next = next;
        _facts = facts;
        _progress = progress;
    }

    /// <summary>What would fail, or lose memory. Nothing is changed.</summary>
    public IReadOnlyList<LiveUpdateFinding> Check(IReadOnlyList<string> stores, KernelSettings next)
    {
        ArgumentNullException.ThrowIfNull(stores);
        ArgumentNullException.ThrowIfNull(next);
        var look = new KeptPreflight(_arenas, _facts);
        return [.. look.Check(stores, next, arena => !arena.Contents.IsClosed), .. _next.Check(next)];
    }

    /// <summary>
    /// Freezes the arenas, loads the next kernel, preserves them, and enters it, from one process that holds the
    /// sessions all the while. Where anything fails, all of it is taken back. Returns only where something else ends
    /// this process.
    /// </summary>
    /// <exception cref="LiveUpdateRefusedException">It would fail, or lose memory. Nothing was changed.</exception>
    /// <exception cref="LiveUpdateException">It failed, and was taken back.</exception>
    /// <exception cref="HoldingException">Likewise: the memory could not be kept.</exception>
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
                Step(store, "frozen", () => frozen.AddRange(_arenas.Freeze(store) ? [store] : []));
            }

            var look = new KeptPreflight(_arenas, _facts);
            IReadOnlyList<LiveUpdateFinding> findings = [.. look.Check(stores, next, _ => true), .. _next.Check(next)];
            if (findings.Any(finding => finding.IsFatal))
            {
                throw new LiveUpdateRefusedException(findings);
            }

            KernelSettings told = Told(stores, next);
            Step("kernel", "loaded", () => _next.Load(told)); // Takes seconds, and nobody's memory is pinned meanwhile.
            loaded = true;
            _arenas.Preserve(stores);
            _next.Enter(told);
        }
        catch
        {
            if (loaded)
            {
                _next.Unload();
            }

            _arenas.Dispose();
            frozen.ForEach(ThawOrTell);
            throw;
        }
    }

    private KernelSettings Told(IReadOnlyList<string> stores, KernelSettings next) => next with
    {
        CommandLine = KeptWord.Write(NextCommandLine.Of(next).Text, stores.Select(_arenas.Describe)),
        Append = null,
        Entry = KernelEntry.Direct,
    };

    private void ThawOrTell(string store)
    {
        try
        {
            _arenas.Thaw(store);
        }
        catch (HoldingException e)
        {
            // What failed before is what is thrown.
            _progress?.Report(new LiveUpdateProgress(store, e.Message, TimeSpan.Zero));
        }
    }

    private void Step(string subject, string text, Action action)
    {
        long since = Stopwatch.GetTimestamp();
        action();
        _progress?.Report(new LiveUpdateProgress(subject, text, Stopwatch.GetElapsedTime(since)));
    }
}
