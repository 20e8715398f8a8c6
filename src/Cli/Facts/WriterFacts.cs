namespace GuestMemFs.Cli.Facts;

/// <summary>The newest writer of an arena.</summary>
/// <param name="ProcessId">Of its own pid namespace.</param>
/// <param name="Program">Its program's name, where it lives and the kernel tells.</param>
/// <param name="Since">When it opened the arena.</param>
/// <param name="Alive">True where it is known to live.</param>
/// <param name="UnderThisKernel">False where it ran before a reboot or a kexec.</param>
internal sealed record WriterFacts(
    int ProcessId, string? Program, DateTimeOffset Since, bool Alive, bool UnderThisKernel)
{
    public static WriterFacts? Of(ArenaSnapshot arena) => arena.Writer is { } writer
        ? new WriterFacts(writer.ProcessId, writer.ProgramName, writer.Since, writer.IsAlive, writer.IsOfThisKernel)
        : null;

    /// <summary>The arena's state in a few words.</summary>
    public static string State(ArenaSnapshot arena) => arena.Condition switch
    {
        ArenaCondition.Refused => $"refused: {arena.Refusal!.ReasonCode}",
        ArenaCondition.Closed => "closed",
        ArenaCondition.InUse => $"open: {arena.Writer}",
        _ => "not closed: its last writer was killed",
    };
}
