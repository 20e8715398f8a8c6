using System.Net.Sockets;
using GuestMemFs;
using KvStore.Engine;
using KvStore.Transport;

namespace KvStore.HandOver;

/// <summary>Where a successor asks: a socket for this server's user alone, and a thread that answers at it.</summary>
/// <remarks>One successor at a time; others wait meanwhile. A stranger, another format or another store is refused,
/// and clients notice nothing of that.</remarks>
internal sealed class HandOverEndpoint : IDisposable
{
    /// <summary>For so long a successor may get ready.</summary>
    private static readonly TimeSpan s_preparing = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan s_greeting = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_strangersTime = TimeSpan.FromSeconds(1);

    private readonly ServerOptions _options;
    private readonly Action<HandOverLink, int> _handOver;
    private readonly Func<int> _clients;
    private readonly Func<string?> _obstacle;
    private readonly Socket _listener;
    private volatile bool _over;

    private HandOverEndpoint(
        ServerOptions options, Socket listener, Func<int> clients, Func<string?> obstacle,
        Action<HandOverLink, int> handOver)
    {
        _options = options;
        _clients = clients;
        _listener = listener;
        _obstacle = obstacle;
        _handOver = handOver;
        new Thread(Serve) { IsBackground = true, Name = "hand-over" }.Start();
    }

    /// <summary>Listens, in the place of a predecessor that has ended or has handed over.</summary>
    /// <param name="options">The server's.</param>
    /// <param name="clients">How many clients there are.</param>
    /// <param name="obstacle">Why it cannot be handed over now; null where it can.</param>
    /// <param name="handOver">
    /// Hands all over to a successor with room for so many clients; returns once one of the two has it.
    /// </param>
    /// <exception cref="OptionException">The socket cannot be made.</exception>
    /// <exception cref="UntrustedOwnerException">Its directory is another user's, or open to others.</exception>
    public static HandOverEndpoint Start(
        ServerOptions options, Func<int> clients, Func<string?> obstacle, Action<HandOverLink, int> handOver)
    {
        PathTrust.Own.RequireDirectoryOf(options.HandOverSocket);
        return new HandOverEndpoint(options, Bind(options.HandOverSocket), clients, obstacle, handOver);
    }

    /// <summary>The socket's name is a successor's.</summary>
    public void Leave() => _over = true;

    /// <summary>Answers no more.</summary>
    public void Dispose()
    {
        if (!_over)
        {
            File.Delete(_options.HandOverSocket);
        }

        _listener.Dispose();
    }

    /// <summary>Beside the old socket, and then in its place: a client finds the one or the other.</summary>
    private static Socket Bind(string path)
    {
        string fresh = path + ".new";
        Socket socket = HandOverLink.NewSocket();
        try
        {
            File.Delete(fresh);
            socket.Bind(new UnixDomainSocketEndPoint(fresh));
            if (!OperatingSystem.IsWindows())
            {
                // Nobody can connect before it listens.
                File.SetUnixFileMode(fresh, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            socket.Listen();
            File.Move(fresh, path, overwrite: true);
            return socket;
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException)
        {
            socket.Dispose();
            throw new IOException($"cannot listen on {path}: {e.Message}", e);
        }
    }

    private void Serve()
    {
        while (!_over)
        {
            try
            {
                using var link = new HandOverLink(_listener.Accept());
                Answer(link);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return; // The server ends.
            }
        }
    }

    private void Answer(HandOverLink link)
    {
        try
        {
            bool isTrusted = PathTrust.Own.Trusts(link.Peer.UserId);
            link.Limit(isTrusted ? s_greeting : s_strangersTime);
            bool greets = Receive(link, HandOverMessage.Hello, out ReadOnlySpan<byte> payload);
            if (!isTrusted)
            {
                // Closed upon unread bytes, the connection would lose the answer.
                throw new HandOverException($"user {link.Peer.UserId} is neither this server's nor root");
            }

            Greeting greeting = greets ? Greeting.Read(payload) : default;
            if (Refusal(greeting) is { } refusal)
            {
                throw new HandOverException(refusal);
            }

            link.Send(HandOverMessage.Welcome, new Welcome(Greeting.Version, _clients()).ToBytes());
            link.Limit(s_preparing);
            if (!Receive(link, HandOverMessage.Go, out _))
            {
                return; // It thought better of it, or died.
            }

            if (_obstacle() is { } obstacle)
            {
                throw new HandOverException(obstacle);
            }

            _handOver(link, (int)Math.Min(greeting.Room, int.MaxValue));
        }
        catch (HandOverException e)
        {
            StandardError.WriteLine($"hand-over to process {link.Peer.ProcessId}: {e.Message}; this server serves on");
            link.Refuse(e.Message);
        }
    }

    /// <summary>False where the other side has closed.</summary>
    private static bool Receive(HandOverLink link, HandOverMessage expected, out ReadOnlySpan<byte> payload)
    {
        HandOverMessage kind = link.Receive(out payload);
        return kind == expected || (kind == HandOverMessage.Closed ? false
            : throw new HandOverException($"it sent a message that is not in its place ({kind})"));
    }

    private string? Refusal(Greeting greeting)
    {
        string store = Greeting.StoreOf(_options);
        return greeting.Store is null ? "it closed the connection"
            : greeting.Lowest > Greeting.Version || greeting.Highest < Greeting.Version
                ? $"it speaks versions {greeting.Lowest} to {greeting.Highest} of the hand-over, and this server "
                    + $"{Greeting.Version}"
            : store != greeting.Store ? $"it is for another store: name, holder and directory are "
                + $"'{greeting.Store.Replace('\n', ',')}', and here '{store.Replace('\n', ',')}'"
            : null;
    }
}
