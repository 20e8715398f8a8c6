using System.Net.Sockets;

namespace KvStore.Session;

/// <summary>The way to a client that has not asked for what it is sent.</summary>
/// <remarks>Used under the engine's gate, on the loop's thread.</remarks>
internal interface IClientLink
{
    /// <summary>True where nothing can be sent to it any more.</summary>
    bool IsEnded { get; }

    /// <summary>Has what was written sent at the end of the loop's round; a client that leaves too much unread is
    /// closed.</summary>
    void SendSoon();

    /// <summary>It waits no more: what was written is sent at the end of the round, and what it has sent
    /// meanwhile runs after that.</summary>
    void Resume();

    /// <summary>Its socket: bytes may go there past what was written, once all of that is sent.</summary>
    Socket Socket { get; }

    /// <summary>Has something done on the loop's thread, under the engine's gate, unless the server has ended. From any
    /// thread.</summary>
    void Post(Action action);

    /// <summary>Ends the connection, as if the client had gone.</summary>
    void Abort();
}
