using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using GuestMemFs.VirtualMachines.Qmp;

namespace GuestMemFs.VirtualMachines;

/// <summary>
/// A client of QEMU's machine protocol over a unix socket (<c>-qmp unix:PATH,server=on,wait=off</c>).
/// </summary>
/// <remarks>
/// Thread-safe: commands of several threads are sent one after the other and answered as they come. QEMU talks to one
/// client at a time.
/// </remarks>
public sealed class QmpClient : IAsyncDisposable
{
    private readonly QmpOptions _options;
    private QmpConnection _connection;

    private QmpClient(string socketPath, QmpOptions options, QmpConnection connection)
    {
        SocketPath = socketPath;
        _options = options;
        _connection = connection;
    }

    /// <summary>The monitor's socket.</summary>
    public string SocketPath { get; }

    /// <summary>What QEMU said when this connection was made.</summary>
    public QmpGreeting Greeting => _connection.Greeting;

    /// <summary>The process that listens: QEMU's.</summary>
    internal int PeerProcessId => _connection.PeerProcessId;

    /// <summary>
    /// Connects and negotiates. Waits for a socket that is not there yet: QEMU makes it a moment after its start.
    /// </summary>
    /// <exception cref="QmpTimeoutException">There is no QEMU, or another client has it.</exception>
    /// <exception cref="QmpProtocolException">The peer does not speak QMP.</exception>
    /// <exception cref="UntrustedOwnerException">Who listens there is not trusted. Nothing was sent to it.</exception>
    public static async Task<QmpClient> ConnectAsync(
        string socketPath, QmpOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(socketPath);
        options ??= new QmpOptions();
        return new QmpClient(socketPath, options,
            await QmpConnection.OpenAsync(socketPath, options, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Carries out a command.</summary>
    /// <param name="command">Its name.</param>
    /// <param name="arguments">What it is given, or null.</param>
    /// <param name="timeout">For the answer, where it is not the options'.</param>
    /// <param name="cancellationToken">Ends the wait. What was sent is carried out all the same.</param>
    /// <returns>What QEMU returned.</returns>
    /// <exception cref="QmpCommandException">QEMU refused it.</exception>
    /// <exception cref="QmpTimeoutException">There was no answer in time.</exception>
    /// <exception cref="QmpDisconnectedException">The connection ended first.</exception>
    public Task<JsonElement> ExecuteAsync(
        string command, JsonObject? arguments = null, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(command);
        return _connection.ExecuteAsync(command, arguments, null, timeout ?? _options.CommandTimeout,
            cancellationToken);
    }

    /// <summary>
    /// Passes QEMU a descriptor under a name (<c>getfd</c>), for a URI such as <c>fd:NAME</c>. One that had the name is
    /// closed. The caller's own stays open.
    /// </summary>
    public Task PassDescriptorAsync(string name, SafeHandle descriptor, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(descriptor);
        return _connection.ExecuteAsync("getfd", new JsonObject { ["fdname"] = name }, descriptor,
            _options.CommandTimeout, cancellationToken);
    }

    /// <summary>
    /// Adds a descriptor to a set (<c>add-fd</c>), for the path that it returns: <c>/dev/fdset/N</c>. The caller's own
    /// stays open.
    /// </summary>
    public async Task<string> AddDescriptorAsync(SafeHandle descriptor, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        JsonElement added = await _connection.ExecuteAsync("add-fd", null, descriptor, _options.CommandTimeout,
            cancellationToken).ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture, $"/dev/fdset/{added.GetProperty("fdset-id").GetInt64()}");
    }

    /// <summary>
    /// The events from now on: what happens between this call and the first wait is in it. Ends with
    /// <see cref="QmpDisconnectedException"/> when the connection does. Each caller has all events to itself.
    /// </summary>
    public IAsyncEnumerable<QmpEvent> ReadEventsAsync(CancellationToken cancellationToken = default) =>
        _connection.Feeds.Subscribe(cancellationToken);

    /// <summary>
    /// Leaves the present connection, if there is one, and makes another. Commands in flight end with
    /// <see cref="QmpDisconnectedException"/>.
    /// </summary>
    public async Task ReconnectAsync(CancellationToken cancellationToken = default)
    {
        await _connection.DisposeAsync().ConfigureAwait(false);
        _connection = await QmpConnection.OpenAsync(SocketPath, _options, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}
