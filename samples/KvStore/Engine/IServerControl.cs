using KvStore.Session;

namespace KvStore.Engine;

/// <summary>What commands may see and do of the server they run in.</summary>
internal interface IServerControl
{
    IReadOnlyCollection<ClientSession> Sessions { get; }

    int ConnectionCount { get; }

    TimeSpan Uptime { get; }

    long CommandsPerSecond { get; }

    /// <summary>Ends connections, once what runs now is done.</summary>
    void Disconnect(Func<ClientSession, bool> which);

    /// <summary>Starts to close: no more connections, then the arena, then the process.</summary>
    void RequestShutdown(string reason);
}
