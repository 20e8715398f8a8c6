namespace GuestMemFs.Cli.Terminal;

/// <summary>A refusal of the tool's own: what, why and the way out are in the message.</summary>
internal sealed class GmfsException(ExitCode exitCode, string message, string? reason = null) : Exception(message)
{
    public ExitCode ExitCode { get; } = exitCode;

    /// <summary>A reason code, where one fits.</summary>
    public string? Reason { get; } = reason;
}
