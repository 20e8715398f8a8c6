using Microsoft.Extensions.Logging;

namespace GuestMemFs.Hosting;

/// <summary>What hosting logs. Event ids are stable.</summary>
internal static partial class HostingLog
{
    [LoggerMessage(EventId = 5201, Level = LogLevel.Information, Message = "Arena {Arena} closed clean.")]
    public static partial void ArenaClosed(this ILogger logger, string arena);
}
