using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Terminal;
using GuestMemFs.Holding;
using GuestMemFs.LiveUpdate;
using GuestMemFs.VirtualMachines;

namespace GuestMemFs.Cli.Reports;

/// <summary>
/// Turns what was thrown into an exit code and a text. What is not listed here is a bug and ends the tool with its
/// stack.
/// </summary>
internal static class Failure
{
    public static ErrorReport? Of(Exception e) => e switch
    {
        GmfsException own => new ErrorReport(own.ExitCode, own.Reason, own.Message, Next(own.Reason)),
        ArenaException refused => new ErrorReport(ExitCodeOf(refused), refused.ReasonCode, RefusalText.Of(refused),
            Next(refused.ReasonCode)),
        LiveUpdateException or HoldingException => new ErrorReport(ExitCode.Refused, null, e.Message, null),
        VirtualMachineException or GuestMemoryException or QmpException =>
            new ErrorReport(ExitCode.Failed, null, e.Message, null),
        MediumException medium => new ErrorReport(medium.Kind == MediumErrorKind.Missing ? ExitCode.NotFound
            : medium.Kind == MediumErrorKind.NoSpace ? ExitCode.NoRoom : ExitCode.Failed, ReasonCodes.MediumFailed,
            medium.Message, Next(ReasonCodes.MediumFailed)),
        OperationCanceledException =>
            new ErrorReport(ExitCode.Refused, null, "Interrupted. Nothing half-done is left behind.", null),
        FileNotFoundException or DirectoryNotFoundException =>
            new ErrorReport(ExitCode.NotFound, null, e.Message, null),
        IOException or UnauthorizedAccessException => new ErrorReport(ExitCode.Failed, null, e.Message, null),
        ArgumentException => new ErrorReport(ExitCode.Usage, null, e.Message, null),
        _ => null,
    };

    public static ExitCode ExitCodeOf(ArenaException e) => e switch
    {
        ArenaNotFoundException or RegionNotFoundException => ExitCode.NotFound,
        ArenaDamagedException or ExtentException or HeapDamagedException or ValueDamagedException
            or DumpDamagedException => ExitCode.Damaged,
        ArenaOutOfSpaceException or ArenaMetadataFullException or ArenaOutOfFilesException => ExitCode.NoRoom,
        InvalidRegionNameException or RegionSizeException => ExitCode.Usage,
        ArenaMediumException => ExitCode.Failed,
        _ => ExitCode.Refused,
    };

    private static string? Next(string? reason) => NextStep.For(reason);
}
