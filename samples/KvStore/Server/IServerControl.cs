namespace KvStore.Server;

/// <summary>What commands may see and do of the server they run in.</summary>
internal interface IServerControl
{
    IReadOnlyCollection<Session> Sessions { get; }

    int ConnectionCount { get; }

    TimeSpan Uptime { get; }

    long CommandsPerSecond { get; }

    /// <summary>Starts to close: no more connections, then the arena, then the process.</summary>
    void RequestShutdown(string reason);
}
