using KvStore.Session;

namespace KvStore.Engine;

/// <summary>What commands may see and do of the server they run in.</summary>
internal interface IServerControl
{
    IReadOnlyCollection<ClientSession> Sessions { get; }

    int ConnectionCount { get; }

    /// <summary>A client by its number; null where there is none.</summary>
    ClientSession? FindSession(long id);

    TimeSpan Uptime { get; }

    long CommandsPerSecond { get; }

    /// <summary>Ends connections, once what runs now is done.</summary>
    void Disconnect(Func<ClientSession, bool> which);

    /// <summary>Has <see cref="WaitingTable"/>'s deadlines looked at no later than then.</summary>
    /// <param name="deadline">In <see cref="KvEngine.Milliseconds"/>.</param>
    void WakeBy(long deadline);

    /// <summary>Serves what clients have sent, while a command is not done yet.</summary>
    void ServeMeanwhile();

    /// <summary>The master is another one, or there is none any more: connects to it.</summary>
    void FollowMaster();

    /// <summary>Starts to close: no more connections, then the arena, then the process.</summary>
    void RequestShutdown(string reason);
}
