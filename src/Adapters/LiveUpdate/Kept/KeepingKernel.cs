using GuestMemFs.Holding;
using GuestMemFs.LiveUpdate.Kexec;

namespace GuestMemFs.LiveUpdate.Kept;

/// <summary>
/// The next kernel of a plan with held arenas: it is loaded with word of them, and entered with them preserved.
/// </summary>
/// <param name="next">The kernel.</param>
/// <param name="stores">The arenas' names at their holders.</param>
/// <param name="keepsPlan">True where the plan's own arena is one of them.</param>
/// <param name="arenas">What has their sessions.</param>
/// <param name="facts">The machine's.</param>
internal sealed class KeepingKernel(INextKernel next, IReadOnlyList<string> stores, bool keepsPlan, KeptArenas arenas,
    Func<LuoFacts> facts) : INextKernel
{
    public Guid BootId => next.BootId;

    public bool Keeps(Medium medium) => keepsPlan || next.Keeps(medium);

    public IEnumerable<LiveUpdateFinding> Check(KernelSettings settings) =>
        new KeptPreflight(arenas, facts).Check(stores, settings, _ => false).Concat(next.Check(settings));

    public void Load(KernelSettings settings) => next.Load(settings with
    {
        CommandLine = KeptWord.Write(NextCommandLine.Of(settings).Text, stores.Select(arenas.Describe)),
        Append = null,
    });

    public void Unload()
    {
        arenas.Dispose(); // What was preserved can be added to again.
        next.Unload();
    }

    public void Enter(KernelSettings settings)
    {
        arenas.Preserve(stores);
        // Anything else ends this process, and the sessions with it, before.
        next.Enter(settings with { Entry = KernelEntry.Direct });
    }
}
