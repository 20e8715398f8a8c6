using GuestMemFs.Holding;

namespace GuestMemFs.LiveUpdate.Participants;

/// <summary>
/// An arena whose memory a holder has, as part of a plan: it stands still with the others, the kernel keeps it, and
/// under the next one the holder is given it before anybody looks for it.
/// </summary>
/// <remarks>
/// What a program does with the arena, it does as a service of the plan, which stands still before (a lower order) and
/// goes on after.
/// </remarks>
internal sealed class KeptParticipant(KeptSettings settings, KeptArenas arenas) : ILiveUpdateParticipant
{
    // In what was saved, beside the arena's word: it was not frozen before the plan, so whoever takes the plan back
    // thaws it.
    private const string Moves = "moves";

    public string Name => settings.Name;

    public int Order => settings.Order;

    public TimeSpan Deadline => TimeSpan.FromSeconds(settings.Deadline);

    public Task PrepareAsync(CancellationToken cancellationToken) =>
        Task.Run(() => arenas.Describe(settings.Name), cancellationToken);

    public Task<string> SaveAsync(CancellationToken cancellationToken) => Task.Run(Save, cancellationToken);

    /// <summary>
    /// Preserving comes last of all, when the kernel is entered: a session ends with this process, and whoever took the
    /// plan up after it would enter without.
    /// </summary>
    public Task FreezeAsync(CancellationToken cancellationToken) =>
        Task.Run(() => arenas.Freeze(settings.Name), cancellationToken);

    public Task VerifyAsync(string saved, CancellationToken cancellationToken) =>
        Task.Run(() => arenas.RequireBack(saved), cancellationToken);

    public Task ResumeAsync(string saved,
        CancellationToken cancellationToken) => Task.CompletedTask; // Its programs do.

    public Task AbortAsync(string? saved, CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            if (saved is not null && new KernelCommandLine(saved).Words.Contains(Moves))
            {
                arenas.Thaw(settings.Name);
            }
        },
        cancellationToken);

    // Nobody of the plan is frozen yet: all are saved before.
    private string Save()
    {
        (KeptWord word, bool frozen) = arenas.Look(settings.Name);
        return frozen ? word.ToString() : $"{word} {Moves}";
    }
}
