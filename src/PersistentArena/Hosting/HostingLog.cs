using Microsoft.Extensions.Logging;

namespace GuestMemFs.Hosting;

/// <summary>What hosting logs. Event ids are stable.</summary>
internal static partial class HostingLog
{
    [LoggerMessage(EventId = 5201, Level = LogLevel.Information, Message = "Arena {Arena} closed clean.")]
    public static partial void ArenaClosed(this ILogger logger, string arena);

    [LoggerMessage(EventId = 5202, Level = LogLevel.Information,
        Message = "Arena {Arena}: the heap's copy {File} was taken, {Bytes} bytes; writers waited {Pause}.")]
    public static partial void BackupTaken(
        this ILogger logger, string arena, string file, long bytes, TimeSpan pause);

    [LoggerMessage(EventId = 5203, Level = LogLevel.Error,
        Message = "Arena {Arena}: no copy of the heap could be taken to {File}; the older ones are as they were.")]
    public static partial void BackupFailed(this ILogger logger, Exception error, string arena, string file);

    [LoggerMessage(EventId = 5204, Level = LogLevel.Warning,
        Message = "Arena {Arena}: its heap was not there, and was made from {File}, taken at {Taken:O}. What was "
            + "changed in the {Age} since then is lost.")]
    public static partial void HeapRestored(
        this ILogger logger, string arena, string file, DateTimeOffset taken, TimeSpan age);

    [LoggerMessage(EventId = 5205, Level = LogLevel.Error,
        Message = "Arena {Arena}: the heap's copy {File} is damaged; an older one is tried.")]
    public static partial void BackupDamaged(this ILogger logger, Exception error, string arena, string file);

    [LoggerMessage(EventId = 5206, Level = LogLevel.Information,
        Message = "Arena {Arena}: {Percent} % of the heap are restored.")]
    public static partial void Restoring(this ILogger logger, string arena, int percent);
}
