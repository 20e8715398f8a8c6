using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using GuestMemFs.Holding;
using GuestMemFs.LiveUpdate.Journal;
using GuestMemFs.LiveUpdate.Participants;

namespace GuestMemFs.LiveUpdate;

/// <summary>
/// Where a program's participant can be reached by <c>gmfs live-update</c>: a unix socket, for its user alone. The
/// participant is saved only as long as who saved it is there: where the connection ends before the next kernel is
/// entered, it goes on.
/// </summary>
/// <remarks>Disposing ends it; a participant that stands still then goes on first.</remarks>
public sealed class LiveUpdateEndpoint : IAsyncDisposable
{
    private const int StrangersBytes = 4096;
    private static readonly TimeSpan s_strangersTime = TimeSpan.FromSeconds(1);

    private readonly ILiveUpdateParticipant _participant;
    private readonly PersistentArena? _arena;
    private readonly Socket _listener;
    private readonly CancellationTokenSource _ended = new();
    private readonly Task _serving;
    private string? _saved;
    private bool _stands;
    private bool _enters;

    private LiveUpdateEndpoint(string path, ILiveUpdateParticipant participant, PersistentArena? arena, Socket listener)
    {
        SocketPath = path;
        _participant = participant;
        _arena = arena;
        _listener = listener;
        _serving = Task.Run(ServeAsync, CancellationToken.None);
    }

    /// <summary>The socket.</summary>
    public string SocketPath { get; }

    /// <summary>Listens.</summary>
    /// <param name="socketPath">The socket: at most 107 bytes. One that a killed program left there is
    /// replaced.</param>
    /// <param name="participant">Who is asked.</param>
    /// <param name="arena">The arena that the program is the writer of, if it is: it makes the regions that a plan
    /// needs there.</param>
    /// <exception cref="UntrustedOwnerException">Its directory is another user's, or open to others.</exception>
    /// <exception cref="IOException">The socket cannot be made, or somebody listens there.</exception>
    public static LiveUpdateEndpoint Start(
        string socketPath, ILiveUpdateParticipant participant, PersistentArena? arena)
    {
        ArgumentException.ThrowIfNullOrEmpty(socketPath);
        ArgumentNullException.ThrowIfNull(participant);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            PathTrust.Own.RequireDirectoryOf(socketPath);
            RemoveStale(socketPath);
            listener.Bind(new UnixDomainSocketEndPoint(socketPath));
            if (!OperatingSystem.IsWindows()) // which the analyzer wants to hear
            {
                File.SetUnixFileMode(socketPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            listener.Listen();
            return new LiveUpdateEndpoint(socketPath, participant, arena, listener);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            listener.Dispose();
            throw new IOException($"Cannot listen on {socketPath}: {e.Message}", e);
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _serving.ConfigureAwait(false);
        File.Delete(SocketPath);
        _ended.Dispose();
    }

    private static void RemoveStale(string path)
    {
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path); // its program was killed
            return;
        }
        catch (SocketException)
        {
            return; // there is none, or none that could be made: the bind says which
        }

        throw new IOException($"Somebody listens on {path} already.");
    }

    private async Task ServeAsync()
    {
        while (!_ended.IsCancellationRequested)
        {
            try
            {
                using Socket client = await _listener.AcceptAsync(_ended.Token).ConfigureAwait(false);
                await TalkAsync(client).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or IOException
                or ObjectDisposedException)
            {
                // The client went away, or we do: what that means is the same.
            }

            if (_stands && !_enters)
            {
                await GoOnAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task TalkAsync(Socket client)
    {
        using var stream = new NetworkStream(client);
        uint user = PeerCredentials.Of(client).UserId;
        if (!PathTrust.Own.Trusts(user))
        {
            await RefuseAsync(stream, user).ConfigureAwait(false);
            return;
        }

        using var reader = new StreamReader(stream, Encoding.UTF8);
        while (await reader.ReadLineAsync(_ended.Token).ConfigureAwait(false) is { } line)
        {
            EndpointAnswer answer = await AnswerAsync(line).ConfigureAwait(false);
            await AnswerAsync(stream, answer).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Reads a request, since closed upon unread bytes the answer would be lost; but not for long, nor a long one: one
    /// client is served at a time, and a stranger keeps nobody waiting.
    /// </summary>
    private async Task RefuseAsync(NetworkStream stream, uint user)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
        limit.CancelAfter(s_strangersTime);
        _ = await stream.ReadAsync(new byte[StrangersBytes], limit.Token).ConfigureAwait(false);
        string refusal = $"It serves its own user and root, and this is user {user}.";
        await AnswerAsync(stream, new EndpointAnswer { Error = refusal }).ConfigureAwait(false);
    }

    private async Task AnswerAsync(NetworkStream stream, EndpointAnswer answer)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(answer, ParticipantJson.Default.EndpointAnswer);
        await stream.WriteAsync((byte[])[.. json, (byte)'\n'], _ended.Token).ConfigureAwait(false);
    }

    private async Task<EndpointAnswer> AnswerAsync(string line)
    {
        EndpointRequest request;
        try
        {
            request = JsonSerializer.Deserialize(line, ParticipantJson.Default.EndpointRequest)
                ?? throw new JsonException("it is null.");
        }
        catch (JsonException e)
        {
            return new EndpointAnswer { Error = $"That is no call: {e.Message}" };
        }

        try
        {
            return await CarryOutAsync(request).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return new EndpointAnswer { Error = $"{request.Call} was not done " +
                $"within {_participant.Deadline.TotalSeconds:0.###} s." };
        }
        catch (Exception e) // whatever a participant throws is its answer, and the program goes on
        {
            return new EndpointAnswer { Error = e.Message };
        }
    }

    private async Task<EndpointAnswer> CarryOutAsync(EndpointRequest request)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
        limit.CancelAfter(_participant.Deadline);
        switch (request.Call)
        {
            case EndpointCall.Hello:
                return new EndpointAnswer { Arena = _arena?.Id };
            case EndpointCall.Make:
                PlanArena.Make(_arena ?? throw new LiveUpdateException($"'{_participant.Name}' has no arena."),
                    request.Regions ?? []);
                break;
            case EndpointCall.Prepare:
                await _participant.PrepareAsync(limit.Token).ConfigureAwait(false);
                break;
            case EndpointCall.Save:
                _stands = true;
                _saved = await _participant.SaveAsync(limit.Token).ConfigureAwait(false);
                return new EndpointAnswer { Saved = _saved };
            case EndpointCall.Freeze:
                await _participant.FreezeAsync(limit.Token).ConfigureAwait(false);
                break;
            case EndpointCall.Enter:
                _enters = true;
                break;
            case EndpointCall.Verify:
                await _participant.VerifyAsync(request.Saved ?? string.Empty, limit.Token).ConfigureAwait(false);
                break;
            case EndpointCall.Resume:
                await _participant.ResumeAsync(request.Saved ?? string.Empty, limit.Token).ConfigureAwait(false);
                _stands = _enters = false;
                break;
            default:
                await _participant.AbortAsync(request.Saved, limit.Token).ConfigureAwait(false);
                _stands = _enters = false;
                break;
        }

        return new EndpointAnswer();
    }

    private async Task GoOnAsync()
    {
        using var limit = new CancellationTokenSource(_participant.Deadline);
        try
        {
            await _participant.AbortAsync(_saved, limit.Token).ConfigureAwait(false);
            _stands = false;
        }
        catch (Exception) // it stays as it is, and the next who connects is told when it asks
        {
            await Task.Delay(100, CancellationToken.None).ConfigureAwait(false);
        }
    }
}
