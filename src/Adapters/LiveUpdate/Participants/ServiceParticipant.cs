using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using GuestMemFs.Holding;
using GuestMemFs.LiveUpdate.Journal;

namespace GuestMemFs.LiveUpdate.Participants;

/// <summary>
/// A participant in another process, asked through its <see cref="LiveUpdateEndpoint"/>. The connection is kept: while
/// it is there, the participant stays saved.
/// </summary>
internal sealed class ServiceParticipant(ServiceSettings settings) : ILiveUpdateParticipant, IDisposable
{
    private readonly PathTrust _trust = settings.User is { } user ? new PathTrust(user) : PathTrust.Own;
    private NetworkStream? _stream;
    private StreamReader? _reader;

    public string Name => settings.Name;

    public int Order => settings.Order;

    public TimeSpan Deadline => TimeSpan.FromSeconds(settings.Deadline);

    /// <summary>The arena that the program is the writer of; null where it has none.</summary>
    public async Task<Guid?> GetArenaAsync(CancellationToken cancellationToken) =>
        (await AskAsync(new() { Call = EndpointCall.Hello }, cancellationToken).ConfigureAwait(false)).Arena;

    /// <summary>Has it make regions in its arena.</summary>
    public Task MakeAsync(IReadOnlyList<NeededRegion> regions, CancellationToken cancellationToken) =>
        AskAsync(new() { Call = EndpointCall.Make, Regions = regions }, cancellationToken);

    /// <summary>Says that the next kernel is entered.</summary>
    public Task EnterAsync(CancellationToken cancellationToken) =>
        AskAsync(new() { Call = EndpointCall.Enter }, cancellationToken);

    public Task PrepareAsync(CancellationToken cancellationToken) =>
        AskAsync(new() { Call = EndpointCall.Prepare }, cancellationToken);

    public async Task<string> SaveAsync(CancellationToken cancellationToken) =>
        (await AskAsync(new() { Call = EndpointCall.Save },
            cancellationToken).ConfigureAwait(false)).Saved ?? string.Empty;

    public Task FreezeAsync(CancellationToken cancellationToken) =>
        AskAsync(new() { Call = EndpointCall.Freeze }, cancellationToken);

    public Task VerifyAsync(string saved, CancellationToken cancellationToken) =>
        AskAsync(new() { Call = EndpointCall.Verify, Saved = saved }, cancellationToken);

    public Task ResumeAsync(string saved, CancellationToken cancellationToken) =>
        AskAsync(new() { Call = EndpointCall.Resume, Saved = saved }, cancellationToken);

    public Task AbortAsync(string? saved, CancellationToken cancellationToken) =>
        AskAsync(new() { Call = EndpointCall.Abort, Saved = saved }, cancellationToken);

    public void Dispose()
    {
        _reader?.Dispose();
        _stream?.Dispose();
    }

    private async Task<EndpointAnswer> AskAsync(EndpointRequest request, CancellationToken cancellationToken)
    {
        try
        {
            _stream ??= await ConnectAsync(waits: request.Call is EndpointCall.Verify or EndpointCall.Resume,
                cancellationToken).ConfigureAwait(false);
            _reader ??= new StreamReader(_stream, Encoding.UTF8);
            byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(request, ParticipantJson.Default.EndpointRequest),
                (byte)'\n'];
            await _stream.WriteAsync(line, cancellationToken).ConfigureAwait(false);
            string answered = await _reader.ReadLineAsync(cancellationToken).ConfigureAwait(false)
                ?? throw new EndOfStreamException("it closed the connection");
            EndpointAnswer answer = JsonSerializer.Deserialize(answered, ParticipantJson.Default.EndpointAnswer)!;
            return answer.Error is { } error ? throw new LiveUpdateException($"'{Name}' refused: {error}") : answer;
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            Dispose();
            (_reader, _stream) = (null, null);
            throw new LiveUpdateException(
                $"'{Name}' did not answer at {settings.Socket}: {e.Message}. Look whether it runs.", e);
        }
    }

    /// <summary>Connects; under the next kernel, waits for a program that is just starting.</summary>
    private async Task<NetworkStream> ConnectAsync(bool waits, CancellationToken cancellationToken)
    {
        while (true)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(settings.Socket),
                    cancellationToken).ConfigureAwait(false);
                _trust.Require(PeerCredentials.Of(socket).UserId, $"Service '{Name}' at {settings.Socket}");
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                if (!waits)
                {
                    throw new IOException(e.Message, e);
                }

                await Task.Delay(50, cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }
}
