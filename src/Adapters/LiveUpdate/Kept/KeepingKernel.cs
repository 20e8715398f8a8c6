namespace GuestMemFs.LiveUpdate.Kept;

/// <summary>The next kernel of a plan with held arenas: it is loaded with word of them, and entered with them preserved.</summary>
internal sealed class KeepingKernel(INextKernel next, IReadOnlyList<KeptSettings> kept, KeptArenas arenas) : INextKernel
{
    public Guid BootId => next.BootId;

    public bool Keeps(Medium medium) => next.Keeps(medium);

    public IEnumerable<LiveUpdateFinding> Check(KernelSettings settings) => arenas.CheckMemory(Stores, settings, _ => false).Concat(next.Check(settings));

    public void Load(KernelSettings settings) => next.Load(settings with
    {
        CommandLine = KeptWord.Write(KernelCommandLine.Of(settings).Text, Stores.Select(arenas.Describe)),
        Append = null,
    });

    public void Unload() => next.Unload();

    public void Enter(KernelSettings settings)
    {
        arenas.Preserve(Stores);
        next.Enter(settings with { Entry = KernelEntry.Direct }); // Anything else ends this process, and the sessions with it, before.
    }

    private string[] Stores => [.. kept.Select(one => one.Name)];
}
