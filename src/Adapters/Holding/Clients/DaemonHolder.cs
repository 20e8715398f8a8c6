using System.Globalization;
using System.Net.Sockets;
using GuestMemFs.Holding.Clients;
using GuestMemFs.Holding.Native;
using GuestMemFs.Holding.Sockets;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding;

/// <summary>
/// <c>gmfs hold</c> as the holder of an arena's memory. While this object lives it watches the daemon: one that was
/// killed and started again is given everything anew, so that only the end of both loses the memory.
/// </summary>
/// <remarks>Thread-safe.</remarks>
public sealed class DaemonHolder : DescriptorHolder
{
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromMilliseconds(200);
    private const int LongestNote = 1000; // characters: a message has room for it in any script
    private readonly string _path;
    private readonly string _store;
    private readonly PathTrust _trust;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, SafeFileHandle> _given = new(StringComparer.Ordinal);
    private readonly Thread _watcher;
    private HoldConnection? _connection;
    private string _emptyReason = "";
    private volatile bool _disposed;

    /// <summary>Connects to the daemon.</summary>
    /// <param name="path">Its socket.</param>
    /// <param name="store">The arena's name there.</param>
    /// <param name="trust">Whose daemon may have the memory; root's and our own where nothing is said.</param>
    /// <exception cref="MediumException"><see cref="MediumErrorKind.Missing"/>: no daemon is there.
    /// <see cref="MediumErrorKind.Denied"/>: it is another user's.</exception>
    /// <exception cref="UntrustedOwnerException">Who listens there is not trusted. It was given nothing.</exception>
    public DaemonHolder(string path, string store, PathTrust? trust = null)
    {
        StoreName.Check(store);
        _path = path;
        _store = store;
        _trust = trust ?? PathTrust.Own;
        _connection = Connect();
        _watcher = new Thread(Watch) { IsBackground = true, Name = "holder" };
        _watcher.Start();
    }

    /// <inheritdoc/>
    public override string Location => $"{_path} ({_store})";

    /// <inheritdoc/>
    public override Survives Survives => HeldMemory.Survives;

    /// <inheritdoc/>
    public override string EmptyReason => _emptyReason;

    /// <inheritdoc/>
    public override IReadOnlyList<HeldDescriptor> Take()
    {
        lock (_lock)
        {
            return Ask("take", connection =>
            {
                var files = new List<HeldDescriptor>();
                connection.Send("take", _store);
                try
                {
                    while (true)
                    {
                        HoldMessage answer = Expect(connection);
                        if (answer is { Word: "file", Fields: [var name], Descriptor: { } descriptor })
                        {
                            files.Add(new HeldDescriptor(name, descriptor));
                        }
                        else if (answer is { Word: "done", Fields: [_, var process, var since, var note] })
                        {
                            string other = note.Length > 0 ? note
                                : "What a holder before it had, ended with that one (or with the kernel), unless it " +
                                    "handed over.";
                            _emptyReason = $"The holder at {_path} (process {process}, since {since}) has nothing of " +
                                $"'{_store}'. {other}";
                            break;
                        }
                        else
                        {
                            throw Unexpected(answer);
                        }
                    }

                    Remember(files);
                    return files;
                }
                catch
                {
                    files.ForEach(file => file.Descriptor.Dispose());
                    throw;
                }
            });
        }
    }

    /// <inheritdoc/>
    public override void Put(string name, SafeFileHandle descriptor)
    {
        lock (_lock)
        {
            Ask("put", connection =>
            {
                Put(connection, name, descriptor);
                return true;
            });
            if (_given.Remove(name, out SafeFileHandle? before))
            {
                before.Dispose(); // Dropped by another process meanwhile.
            }

            _given.Add(name, DescriptorMessages.Duplicate(descriptor));
        }
    }

    /// <inheritdoc/>
    public override void Drop(string name)
    {
        lock (_lock)
        {
            if (_given.Remove(name, out SafeFileHandle? given))
            {
                given.Dispose();
            }

            Ask("drop", connection =>
            {
                connection.Send("drop", _store, name);
                ExpectOk(connection);
                return true;
            });
        }
    }

    /// <summary>
    /// Leaves word for whoever finds nothing here: why, as sentences. Forgotten when something is put.
    /// </summary>
    /// <exception cref="MediumException">The daemon is not there.</exception>
    public void Note(string why)
    {
        ArgumentNullException.ThrowIfNull(why);
        string line = why.ReplaceLineEndings(" ");
        lock (_lock)
        {
            Ask("note", connection =>
            {
                connection.Send("note", _store, line[..Math.Min(line.Length, LongestNote)]);
                ExpectOk(connection);
                return true;
            });
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _disposed = true;
        lock (_lock)
        {
            _connection?.Dispose();
            _connection = null;
            foreach (SafeFileHandle given in _given.Values)
            {
                given.Dispose();
            }

            _given.Clear();
        }

        if (Environment.CurrentManagedThreadId != _watcher.ManagedThreadId)
        {
            _watcher.Join();
        }

        base.Dispose(disposing);
    }

    private void Remember(List<HeldDescriptor> files)
    {
        foreach ((string name, SafeFileHandle descriptor) in files.Where(file => !_given.ContainsKey(file.Name)))
        {
            _given.Add(name, DescriptorMessages.Duplicate(descriptor));
        }
    }

    private void Put(HoldConnection connection, string name, SafeFileHandle descriptor)
    {
        connection.Send(descriptor, "put", _store, name);
        ExpectOk(connection);
    }

    /// <summary>Asks, over a new connection where the old one is dead. Under the lock.</summary>
    private T Ask<T>(string what, Func<HoldConnection, T> question)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return question(_connection ??= Reconnect());
            }
            catch (IOException e) when (e is not MediumException)
            {
                _connection?.Dispose();
                _connection = null;
                if (attempt > 0)
                {
                    throw new MediumException(MediumErrorKind.Missing, what, _path, 0,
                        $"The holder at {_path} does not answer ({e.Message}): start gmfs hold again. The arena can " +
                        "be used, and cannot grow until then.");
                }
            }
        }
    }

    private HoldConnection Reconnect()
    {
        HoldConnection connection = Connect();
        try
        {
            foreach ((string name, SafeFileHandle descriptor) in _given)
            {
                // It has it already where it is the same one, or one that was handed over to.
                Put(connection, name, descriptor);
            }

            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private HoldConnection Connect()
    {
        try
        {
            return HoldConnection.Connect(_path, _trust);
        }
        catch (SocketException e)
        {
            MediumErrorKind kind = e.SocketErrorCode == SocketError.AccessDenied ? MediumErrorKind.Denied
                : MediumErrorKind.Missing;
            string advice = kind == MediumErrorKind.Denied ? "It is another user's."
                : $"Start it: gmfs hold --socket {_path}.";
            throw new MediumException(kind, "connect", _path, e.NativeErrorCode,
                $"There is no holder to talk to at {_path}: {e.Message}. {advice}");
        }
    }

    // Nothing comes unasked but the end of the connection.
    private void Watch()
    {
        while (!_disposed)
        {
            HoldConnection? connection = _connection;
            try
            {
                if (connection is not null && !connection.Wait(s_lookEvery))
                {
                    continue;
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Disposed of meanwhile, or replaced: looked at again below.
            }

            if (connection is null)
            {
                Thread.Sleep(s_lookEvery);
            }

            lock (_lock)
            {
                Restore(connection);
            }
        }
    }

    private void Restore(HoldConnection? seen)
    {
        if (_disposed || _connection != seen || (_connection is not null && !_connection.Wait(TimeSpan.Zero)))
        {
            return;
        }

        _connection?.Dispose();
        _connection = null;
        try
        {
            _connection = Reconnect();
        }
        catch (Exception e) when (e is IOException or UntrustedOwnerException)
        {
            // Nobody is there yet, or somebody who is not trusted: looked for again.
        }
    }

    private HoldMessage Expect(HoldConnection connection)
    {
        HoldMessage answer = connection.Receive() ?? throw new EndOfStreamException("it closed the connection");
        return answer is { Word: "error", Fields: [var kind, var text] }
            ? throw new MediumException(Enum.TryParse(kind, out MediumErrorKind known) ? known : MediumErrorKind.Other,
                "hold", _path, 0, $"The holder at {_path} refuses: {text}")
            : answer;
    }

    private void ExpectOk(HoldConnection connection)
    {
        HoldMessage answer = Expect(connection);
        if (answer.Word != "ok")
        {
            throw Unexpected(answer);
        }
    }

    private static IOException Unexpected(HoldMessage answer)
    {
        answer.Descriptor?.Dispose();
        return new IOException(string.Create(CultureInfo.InvariantCulture,
            $"'{answer.Word}' was answered, with {answer.Fields.Length} fields: it is of another version"));
    }
}
