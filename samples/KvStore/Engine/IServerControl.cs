using KvStore.Session;

namespace KvStore.Engine;

/// <summary>What commands may see and do of the server they run in.</summary>
internal interface IServerControl
{
    IReadOnlyCollection<ClientSession> Sessions { get; }

    int ConnectionCount { get; }

    TimeSpan Uptime { get; }

    long CommandsPerSecond { get; }

    /// <summary>Starts to close: no more connections, then the arena, then the process.</summary>
    void RequestShutdown(string reason);
}
