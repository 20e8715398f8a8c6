using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using GuestMemFs.Holding;

namespace GuestMemFs.VirtualMachines.Qmp;

/// <summary>
/// One connection to a monitor, from the greeting to its end. Messages are lines of JSON (QEMU's
/// docs/interop/qmp-spec).
/// </summary>
internal sealed class QmpConnection : IAsyncDisposable
{
    private readonly string _path;
    private readonly QmpOptions _options;
    private readonly Socket _socket;
    private readonly PipeReader _reader;
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly ConcurrentDictionary<long, (string Command, TaskCompletionSource<JsonElement> Answer)> _pending =
        [];
    private readonly EventFeeds _feeds;
    private readonly TaskCompletionSource<QmpGreeting> _greeting = new(
        TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _receiving;
    private QmpException? _ended;
    private long _lastId;

    private QmpConnection(string path, QmpOptions options, Socket socket)
    {
        _path = path;
        _options = options;
        _socket = socket;
        _feeds = new EventFeeds(options.EventBacklog);
        _reader = PipeReader.Create(new NetworkStream(socket),
            new StreamPipeReaderOptions(bufferSize: 16 << 10, leaveOpen: false));
        _receiving = Task.Run(ReceiveAsync);
    }

    public QmpGreeting Greeting => _greeting.Task.Result; // it is there, or nobody was given the connection

    public EventFeeds Feeds => _feeds;

    /// <summary>Who listens at the other end, as the kernel says (SO_PEERCRED, unix(7)).</summary>
    public int PeerProcessId => PeerCredentials.Of(_socket).ProcessId;

    /// <summary>Connects, waits for the greeting and negotiates.</summary>
    public static async Task<QmpConnection> OpenAsync(string path, QmpOptions options,
        CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.ConnectTimeout);
        string missing = "The socket was not there, or nobody listened,";
        QmpConnection? connection = null;
        try
        {
            Socket socket = await ConnectAsync(path, options.Trust, limit.Token).ConfigureAwait(false);
            connection = new QmpConnection(path, options, socket);
            missing = "There was no greeting";
            await connection._greeting.Task.WaitAsync(limit.Token).ConfigureAwait(false);
            missing = "The capabilities were not answered";
            await connection.ExecuteAsync("qmp_capabilities", null, null, Timeout.InfiniteTimeSpan,
                limit.Token).ConfigureAwait(false);
            return connection;
        }
        catch (Exception e)
        {
            if (connection is not null)
            {
                await connection.DisposeAsync().ConfigureAwait(false);
            }

            if (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                throw new QmpTimeoutException(path, missing, options.ConnectTimeout,
                    "QEMU talks to one client at a time; look for another one, and whether it runs with this " +
                    "-qmp socket.");
            }

            throw;
        }
    }

    public async Task<JsonElement> ExecuteAsync(
        string command, JsonObject? arguments, SafeHandle? descriptor, TimeSpan timeout,
        CancellationToken cancellationToken)
    {
        long id = Interlocked.Increment(ref _lastId);
        var answer = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending[id] = (command, answer);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (timeout != Timeout.InfiniteTimeSpan)
        {
            limit.CancelAfter(timeout);
        }

        try
        {
            if (Volatile.Read(ref _ended) is { } ended)
            {
                throw new QmpDisconnectedException(_path, $"before '{command}'", ended);
            }

            await SendAsync(Encode(command, arguments, id), descriptor, limit.Token).ConfigureAwait(false);
            return await answer.Task.WaitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new QmpTimeoutException(_path, $"QEMU did not answer '{command}'", timeout,
                "Whether it was carried out is not known: ask, or reconnect.");
        }
        finally
        {
            _pending.TryRemove(id, out _);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await _receiving.ConfigureAwait(false);
        await _reader.CompleteAsync().ConfigureAwait(false);
    }

    private static async Task<Socket> ConnectAsync(string path, PathTrust trust, CancellationToken cancellationToken)
    {
        while (true)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
                trust.Require(PeerCredentials.Of(socket).UserId, $"The monitor at {path}");
                return socket;
            }
            catch (SocketException)
            {
                // QEMU that was started a moment ago makes its socket a little later; whoever called says how long that
                // may take.
                socket.Dispose();
                await Task.Delay(20, cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private static ReadOnlyMemory<byte> Encode(string command, JsonObject? arguments, long id)
    {
        var bytes = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("execute", command);
            if (arguments is not null)
            {
                json.WritePropertyName("arguments");
                arguments.WriteTo(json);
            }

            json.WriteNumber("id", id);
            json.WriteEndObject();
        }

        bytes.Write("\r\n"u8);
        return bytes.WrittenMemory;
    }

    // A message that was begun is sent to its end, whoever loses patience: half a one would spoil the next.
    private async Task SendAsync(ReadOnlyMemory<byte> message, SafeHandle? descriptor,
        CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            int sent = descriptor is null ? 0 : await DescriptorPassing.SendAsync(_socket.SafeHandle, message,
                descriptor, cancellationToken).ConfigureAwait(false);
            while (sent < message.Length)
            {
                sent += await _socket.SendAsync(message[sent..], CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            throw new QmpDisconnectedException(_path, "while a command was sent", Volatile.Read(ref _ended) ?? e);
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task ReceiveAsync()
    {
        QmpException ended;
        try
        {
            while (true)
            {
                ReadResult read = await _reader.ReadAsync().ConfigureAwait(false);
                ReadOnlySequence<byte> buffer = read.Buffer;
                while (buffer.PositionOf((byte)'\n') is { } end)
                {
                    Take(buffer.Slice(0, end));
                    buffer = buffer.Slice(buffer.GetPosition(1, end));
                }

                if (buffer.Length > _options.MaximumMessageLength)
                {
                    throw new QmpProtocolException(_path,
                        $"a message of more than {_options.MaximumMessageLength} bytes");
                }

                _reader.AdvanceTo(buffer.Start, buffer.End);
                if (read.IsCompleted)
                {
                    ended = new QmpDisconnectedException(_path,
                        buffer.IsEmpty ? "by the peer" : "by the peer, within a message", null);
                    break;
                }
            }
        }
        catch (QmpProtocolException e)
        {
            ended = e;
            _socket.Dispose();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
        {
            ended = new QmpDisconnectedException(_path, "by this side or by an error", e);
        }

        End(ended);
    }

    private void End(QmpException ended)
    {
        Volatile.Write(ref _ended, ended);
        _greeting.TrySetException(ended);
        _ = _greeting.Task.Exception; // perhaps nobody waits for it any more
        foreach ((_, TaskCompletionSource<JsonElement> answer) in _pending.Values)
        {
            answer.TrySetException(ended);
            _ = answer.Task.Exception;
        }

        _feeds.End(ended);
    }

    private void Take(ReadOnlySequence<byte> line)
    {
        if (line.Length > _options.MaximumMessageLength)
        {
            throw new QmpProtocolException(_path, $"a message of more than {_options.MaximumMessageLength} bytes");
        }

        JsonElement message;
        try
        {
            var reader = new Utf8JsonReader(line);
            message = JsonElement.ParseValue(ref reader);
        }
        catch (JsonException e)
        {
            throw new QmpProtocolException(_path, "a line that is not JSON", e);
        }

        if (message.ValueKind != JsonValueKind.Object)
        {
            throw new QmpProtocolException(_path, $"a line with a JSON {message.ValueKind}");
        }

        try
        {
            Dispatch(message);
        }
        catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new QmpProtocolException(_path, "a message whose parts are not what they should be", e);
        }
    }

    private void Dispatch(JsonElement message)
    {
        if (message.TryGetProperty("QMP", out JsonElement greeting))
        {
            JsonElement version = greeting.GetProperty("version").GetProperty("qemu");
            _greeting.TrySetResult(new QmpGreeting(
                new Version(version.GetProperty("major").GetInt32(), version.GetProperty("minor").GetInt32(),
                    version.GetProperty("micro").GetInt32()),
                [.. greeting.GetProperty("capabilities").EnumerateArray().Select(capability =>
                    capability.ToString())]));
        }
        else if (message.TryGetProperty("event", out JsonElement name))
        {
            JsonElement time = message.GetProperty("timestamp");
            long microseconds = (time.GetProperty("seconds").GetInt64() * 1_000_000)
                + time.GetProperty("microseconds").GetInt64();
            _feeds.Add(new QmpEvent(name.GetString()!,
                message.TryGetProperty("data", out JsonElement data) ? data : default,
                DateTimeOffset.UnixEpoch.AddMicroseconds(Math.Max(0, microseconds)), 0));
        }
        else if (message.TryGetProperty("id", out JsonElement id))
        {
            if (!_pending.TryGetValue(id.GetInt64(),
                out (string Command, TaskCompletionSource<JsonElement> Answer) pending))
            {
                return; // the answer to a command that nobody waits for any more
            }

            if (message.TryGetProperty("error", out JsonElement error))
            {
                pending.Answer.TrySetException(new QmpCommandException(_path, pending.Command,
                    error.GetProperty("class").GetString()!, error.GetProperty("desc").GetString()!));
            }
            else
            {
                pending.Answer.TrySetResult(message.GetProperty("return"));
            }
        }
        else
        {
            throw new QmpProtocolException(_path,
                "a message that is no greeting, no event and no answer to a command of ours");
        }
    }
}
