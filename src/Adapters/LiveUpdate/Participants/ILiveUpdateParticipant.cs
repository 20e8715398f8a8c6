namespace GuestMemFs.LiveUpdate;

/// <summary>
/// Something that lives through a replacement of the kernel: a database, a virtual machine, an application. It is told
/// what comes, step by step, and may refuse each step up to <see cref="FreezeAsync"/> by throwing: the plan is then
/// taken back, and everybody goes on under the old kernel.
/// </summary>
/// <remarks>
/// <para>A plan that was killed is taken up again where it was, so each step may be called once more after it was done:
/// the second call finds it done and changes nothing.</para>
/// <para>Calls come one after the other. Each is given up after <see cref="Deadline"/>.</para>
/// </remarks>
public interface ILiveUpdateParticipant
{
    /// <summary>Its name, once in a plan.</summary>
    string Name { get; }

    /// <summary>Who stops first: participants are saved by rising order, and go on by falling order.</summary>
    int Order => 0;

    /// <summary>For each step.</summary>
    TimeSpan Deadline => TimeSpan.FromSeconds(30);

    /// <summary>Nothing stands still yet: says, by throwing, what would fail later.</summary>
    Task PrepareAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Finishes what is in flight and begins nothing more, from now until <see cref="ResumeAsync"/> or
    /// <see cref="AbortAsync"/>.
    /// </summary>
    /// <returns>What it wants to be told after the kexec, to check that its memory is the same: it is kept in the
    /// plan's journal. At most some kilobytes.</returns>
    Task<string> SaveAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Everybody is saved, and the kernel is about to go. What has to be let go of for that (a process, a lock), is let
    /// go of here.
    /// </summary>
    Task FreezeAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Under the next kernel, before anything of it runs: throws, with the reason as the message, where its memory is
    /// not what was saved. It is then left as it is.
    /// </summary>
    /// <param name="saved">What <see cref="SaveAsync"/> returned.</param>
    /// <param name="cancellationToken">Its deadline.</param>
    Task VerifyAsync(string saved, CancellationToken cancellationToken);

    /// <summary>It goes on.</summary>
    Task ResumeAsync(string saved, CancellationToken cancellationToken);

    /// <summary>The plan is taken back, under the old kernel: it goes on as it was before.</summary>
    /// <param name="saved">What <see cref="SaveAsync"/> returned; null where it did not get that far.</param>
    /// <param name="cancellationToken">Its deadline.</param>
    Task AbortAsync(string? saved, CancellationToken cancellationToken);
}
