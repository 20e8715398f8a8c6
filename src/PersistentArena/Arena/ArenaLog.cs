using Microsoft.Extensions.Logging;

namespace GuestMemFs.Arena;

/// <summary>What an arena logs. Event ids are stable.</summary>
internal static partial class ArenaLog
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "{Report}")]
    public static partial void Attached(this ILogger logger, AttachReport report);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "{Reason}")]
    public static partial void Found(this ILogger logger, AttachReason reason);

    [LoggerMessage(EventId = 3, Level = LogLevel.Critical, Message = "{Lost}")]
    public static partial void FilesLost(this ILogger logger, ArenaFilesLost lost);
}
