using System.Net.Sockets;
using System.Text;
using GuestMemFs;
using KvStore.Engine;
using KvStore.Transport;

namespace KvStore.HandOver;

/// <summary>Asks the server that runs for all it has.</summary>
internal static class Successor
{
    private const int Tries = 5;

    /// <summary>So many may come while this one gets ready.</summary>
    private const int MoreClients = 64;

    /// <summary>For so long the predecessor may be at something else, a hand-over to another one for example.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Asks the server at the options' hand-over socket, where there is one, and returns once its arena is free; null
    /// where there is none.
    /// </summary>
    /// <param name="options">This server's.</param>
    /// <exception cref="HandOverException">It is there, and keeps all.</exception>
    /// <exception cref="UntrustedOwnerException">It is another user's.</exception>
    public static Inheritance? Ask(ServerOptions options)
    {
        for (int tries = 0; tries < Tries && File.Exists(options.HandOverSocket); tries++)
        {
            HandOverLink link;
            try
            {
                link = HandOverLink.Connect(options.HandOverSocket);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused
                or SocketError.AddressNotAvailable)
            {
                return null; // It was killed, and left its socket.
            }
            catch (SocketException e)
            {
                throw new HandOverException($"--hand-over-socket {options.HandOverSocket}: {e.Message}");
            }

            if (TryAsk(link, options) is { } inheritance)
            {
                return inheritance;
            }
        }

        return null;
    }

    /// <summary>Null where it ended before it gave anything.</summary>
    private static Inheritance? TryAsk(HandOverLink link, ServerOptions options)
    {
        var predecessor = new ProcessLife(link.Peer.ProcessId);
        try
        {
            link.Limit(s_patience);
            var greeting = new Greeting(
                Greeting.Version, Greeting.Version, DescriptorLimit.MostConnections(), Greeting.StoreOf(options));
            link.Send(HandOverMessage.Hello, greeting.ToBytes());
            link.MakeRoom(ReceiveWelcome(link).Clients + MoreClients);
            link.Send(HandOverMessage.Go);
        }
        catch (Exception e) when (e is HandOverException or ArenaException)
        {
            link.Dispose();
            return e is HandOverException { IsClosed: true } && predecessor.HasEnded() ? null
                : throw new HandOverException($"process {predecessor.Id} does not hand over: {e.Message}");
        }

        var inheritance = new Inheritance(link, predecessor);
        try
        {
            inheritance.Receive();
            return inheritance;
        }
        catch (HandOverException e)
        {
            inheritance.Drop();
            link.Dispose();
            throw new HandOverException($"process {predecessor.Id} does not hand over: {e.Message}");
        }
    }

    private static Welcome ReceiveWelcome(HandOverLink link)
    {
        switch (link.Receive(out ReadOnlySpan<byte> payload))
        {
            case HandOverMessage.Welcome when Welcome.TryRead(payload, out Welcome welcome):
                return welcome;
            case HandOverMessage.Refusal:
                throw new HandOverException(Encoding.UTF8.GetString(payload));
            case HandOverMessage.Closed:
                throw new HandOverException("it closed the connection", isClosed: true);
            case var other:
                throw new HandOverException($"it answers in another format ({other})");
        }
    }
}
