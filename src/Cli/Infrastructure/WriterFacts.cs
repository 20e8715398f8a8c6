using GuestMemFs.Regions;

namespace GuestMemFs.Cli.Infrastructure;

/// <summary>The newest writer of an arena.</summary>
/// <param name="ProcessId">Of its own pid namespace.</param>
/// <param name="Program">Its program's name, where it lives and the kernel tells.</param>
/// <param name="Since">When it opened the arena.</param>
/// <param name="Alive">True where it is known to live.</param>
/// <param name="UnderThisKernel">False where it ran before a reboot or a kexec.</param>
internal sealed record WriterFacts(int ProcessId, string? Program, DateTimeOffset Since, bool Alive, bool UnderThisKernel)
{
    public static WriterFacts? Of(MetadataInspection inspection) => inspection.Writer is { } writer
        ? new WriterFacts(writer.ProcessId, writer.Alive ? ProgramOf(writer.ProcessId) : null, writer.Since, writer.Alive && inspection.Closed != ClosedState.Clean, writer.SameBoot)
        : null;

    public override string ToString() => $"process {ProcessId}{(Program is null ? string.Empty : $" ({Program})")} since {Since:u}";

    private static string? ProgramOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm").TrimEnd('\n');
        }
        catch (IOException)
        {
            return null; // It ended while it was looked at.
        }
    }

    /// <summary>The arena's state in a few words.</summary>
    public static string State(MetadataInspection inspection) => inspection switch
    {
        { Refusal: { } refusal } => $"refused: {refusal.ReasonCode}",
        { Closed: ClosedState.Clean } => "closed",
        { HasLiveWriter: true } => $"open: {Of(inspection)}",
        _ => "not closed: its last writer was killed",
    };
}
