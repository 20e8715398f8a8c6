using System.Net.Sockets;

namespace KvStore.HandOver;

/// <summary>What a client has sent that did not run yet, and what was not sent to it yet.</summary>
internal sealed record ClientBytes(byte[] Received, IReadOnlyList<byte[]> Unsent)
{
    public static ClientBytes None { get; } = new([], []);

    public long Length => Received.Length + Unsent.Sum(piece => (long)piece.Length);
}

/// <summary>A client on its way from one server to the next.</summary>
/// <param name="socket">Its connection: the receiver's.</param>
/// <param name="facts">Its session, as <see cref="SessionState"/> writes it.</param>
internal sealed class HandedClient(Socket socket, byte[] facts)
{
    public Socket Socket { get; } = socket;

    public byte[] Facts { get; } = facts;

    /// <summary>Its bytes; null where these are many and come later.</summary>
    public ClientBytes? Bytes { get; init; }

    /// <summary>Asked once for the bytes that come later; null in the process that receives them.</summary>
    public Func<ClientBytes>? CopyLater { get; init; }

    /// <summary>Called once it is gone: of a client over TLS, which cannot go to another process.</summary>
    public Action? Ended { get; init; }

    /// <summary>True where its cipher's keys are in the process that accepted it.</summary>
    public bool IsTls => Ended is not null;
}
