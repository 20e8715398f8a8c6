using System.Globalization;
using System.Net.Sockets;
using GuestMemFs.Holding.Daemon;
using GuestMemFs.Holding.Native;
using GuestMemFs.Holding.Sockets;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding;

/// <summary>
/// The daemon behind <c>gmfs hold</c>: keeps descriptors while the programs they belong to come and go. It knows
/// nothing of arenas, has no file of its own but its socket (mode 0600), and serves its own user and root, nobody else.
/// </summary>
/// <remarks>
/// <para>Thread-safe. What it holds ends with its process, unless the next one takes it over.</para>
/// <code>
///   serves --handover--&gt; gives all --"ok"--&gt; over: another process has its place
///     ^                      |
///     +--- the other ended --+
/// </code>
/// <para>Invariants:</para>
/// <list type="number">
/// <item>A store that is known has a file, and each of its files is open. Else a client takes nothing for its
/// arena.</item>
/// <item>What is held changes no more once another process has our place. Else it is held here, and lost there.</item>
/// </list>
/// </remarks>
public sealed class HoldServer : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5); // All others wait while one is answered.
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Dictionary<string, SafeFileHandle>> _stores = new(StringComparer.Ordinal);
    private readonly HoldNotes _notes = new();
    private readonly ManualResetEventSlim _over = new();
    private readonly DescriptorHolder? _backup;
    private readonly string _path;
    private readonly string _since = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    private Socket _listener;

    private HoldServer(string path, HoldConnection? predecessor, DescriptorHolder? backup)
    {
        _path = path;
        _backup = backup;
        TakeBack();
        if (predecessor is not null)
        {
            TakeOver(predecessor);
        }

        _listener = Bind(path);
        predecessor?.Send("ok"); // From here on it is us.
        new Thread(Accept) { IsBackground = true, Name = "hold" }.Start(_listener);
    }

    /// <summary>
    /// Starts it. A holder that is there hands everything over and ends; one that was killed has left a socket, which
    /// is replaced.
    /// </summary>
    /// <param name="path">The socket.</param>
    /// <param name="backup">
    /// Who holds what this process holds, for the one after it: the service manager. The server's from now on.
    /// </param>
    /// <exception cref="UntrustedOwnerException">
    /// The socket's directory, or the process that listens there, is another user's.
    /// </exception>
    /// <exception cref="HoldingException">
    /// The socket cannot be made, or the holder that is there does not hand over.
    /// </exception>
    public static HoldServer Start(string path, DescriptorHolder? backup = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            PathTrust.Own.RequireDirectoryOf(path);
            using HoldConnection? predecessor = Find(path);
            return new HoldServer(path, predecessor, backup);
        }
        catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException)
        {
            throw new HoldingException($"A holder cannot be started at {path}: {e.Message}", e);
        }
    }

    /// <summary>What is held.</summary>
    public IReadOnlyList<HeldStore> Stores
    {
        get
        {
            lock (_lock)
            {
                return [.. _stores.OrderBy(store => store.Key, StringComparer.Ordinal).Select(store =>
                    new HeldStore(store.Key, store.Value.Count, store.Value.Values.Sum(RandomAccess.GetLength)))];
            }
        }
    }

    /// <summary>Waits until another process has taken over, or it is cancelled.</summary>
    /// <returns>True where another has taken over.</returns>
    public bool Wait(CancellationToken cancellationToken)
    {
        try
        {
            _over.Wait(cancellationToken);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Lets go of everything.</summary>
    public void Dispose()
    {
        _listener.Dispose();
        lock (_lock)
        {
            if (!_over.IsSet)
            {
                File.Delete(_path);
            }

            foreach (SafeFileHandle file in _stores.Values.SelectMany(store => store.Values))
            {
                file.Dispose();
            }

            _stores.Clear();
            _backup?.Dispose();
        }
    }

    /// <summary>What the process before had given to the service manager: names are <c>STORE/FILE</c>.</summary>
    private void TakeBack()
    {
        foreach ((string name, SafeFileHandle file) in _backup?.Take() ?? [])
        {
            int slash = name.IndexOf('/', StringComparison.Ordinal);
            if (slash > 0)
            {
                StoreOf(name[..slash])[name[(slash + 1)..]] = file;
            }
            else
            {
                file.Dispose();
            }
        }
    }

    private static HoldConnection? Find(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            return HoldConnection.Connect(path, PathTrust.Own);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return null; // It was killed.
        }
    }

    /// <summary>Beside the old socket, and then in its place: whoever connects finds the one or the other.</summary>
    private static Socket Bind(string path)
    {
        string fresh = path + ".new";
        File.Delete(fresh);
        Socket socket = HoldConnection.NewSocket();
        try
        {
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
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private void TakeOver(HoldConnection predecessor)
    {
        predecessor.Send("handover");
        while (true)
        {
            switch (predecessor.Receive() ?? throw new IOException("the holder that is there closed the connection"))
            {
                case { Word: "file", Fields: [var store, var name], Descriptor: { } descriptor }:
                    Put(store, name, descriptor);
                    break;
                case { Word: "note", Fields: [var store, var text] }:
                    _notes.Set(store, text);
                    break;
                case { Word: "done" }:
                    return;
                case { Word: var other, Fields: var fields }:
                    throw new IOException($"the holder that is there answered '{other}': {string.Join(' ', fields)}");
            }
        }
    }

    private void Accept(object? listener)
    {
        while (true)
        {
            try
            {
                var connection = new HoldConnection(((Socket)listener!).Accept());
                connection.LimitSending(s_patience);
                new Thread(() => Serve(connection)) { IsBackground = true, Name = "hold client" }.Start();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                if (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted
                    or SocketError.Interrupted or SocketError.InvalidArgument })
                {
                    return;
                }

                Thread.Sleep(50); // Out of descriptors, perhaps: those who are connected go on.
            }
        }
    }

    private void Serve(HoldConnection connection)
    {
        using (connection)
        {
            try
            {
                uint user = connection.PeerUser;
                if (user != 0 && user != UserId.Own)
                {
                    // What was asked is read first: closed upon unread, the answer would be lost.
                    connection.Receive()?.Descriptor?.Dispose();
                    connection.Send("error", nameof(MediumErrorKind.Denied), string.Create(CultureInfo.InvariantCulture,
                        $"it serves user {UserId.Own} and root, and this is user {user}."));
                    return;
                }

                while (connection.Receive() is { } message && TryAnswer(connection, message))
                {
                }
            }
            catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException)
            {
                // The client is gone, or a successor is and our socket could not be put back; what was given stays.
            }
        }
    }

    /// <summary>False where another process has our place: the client finds it under the same path.</summary>
    private bool TryAnswer(HoldConnection connection, HoldMessage message)
    {
        using SafeFileHandle? came = message.Descriptor;
        lock (_lock)
        {
            if (!_over.IsSet)
            {
                AnswerOrRefuse(connection, message);
                Invariant.Holds(_stores.Values.All(IsWhole), 1);
            }

            return !_over.IsSet;
        }
    }

    private void AnswerOrRefuse(HoldConnection connection, HoldMessage message)
    {
        try
        {
            Answer(connection, message);
        }
        catch (ArgumentException e)
        {
            connection.Send("error", nameof(MediumErrorKind.NotSupported), e.Message.ReplaceLineEndings(" "));
        }
        catch (MediumException e)
        {
            connection.Send("error", e.Kind.ToString(), e.Message.ReplaceLineEndings(" "));
        }
    }

    private void Answer(HoldConnection connection, HoldMessage message)
    {
        switch (message)
        {
            case { Word: "take", Fields: [var store] }:
                GiveOne(connection, store);
                break;
            case { Word: "put", Fields: [var store, var name], Descriptor: { } descriptor }:
                RequireMemory(name, descriptor);
                Put(store, name, DescriptorMessages.Duplicate(descriptor));
                connection.Send("ok");
                break;
            case { Word: "drop", Fields: [var store, var name] }:
                Drop(store, name);
                connection.Send("ok");
                break;
            case { Word: "note", Fields: [var store, var text] }:
                _notes.Set(store, text);
                connection.Send("ok");
                break;
            case { Word: "list", Fields: [] }:
                IReadOnlyList<HeldStore> stores = Stores;
                foreach (HeldStore store in stores)
                {
                    connection.Send("store", store.Name, Text(store.Files), Text(store.Bytes));
                }

                connection.Send("done", Text(stores.Count), Text(Environment.ProcessId), _since);
                break;
            case { Word: "handover", Fields: [] }:
                HandOver(connection);
                break;
            default:
                connection.Send("error", nameof(MediumErrorKind.NotSupported),
                    $"'{message.Word[..Math.Min(message.Word.Length, 20)]}' with {message.Fields.Length} fields is " +
                    "nothing it knows: the client is of another version.");
                break;
        }
    }

    private void GiveOne(HoldConnection connection, string store)
    {
        Dictionary<string, SafeFileHandle>? files = _stores.GetValueOrDefault(store);
        foreach ((string name, SafeFileHandle file) in files ?? [])
        {
            connection.Send(file, "file", name);
        }

        connection.Send("done", Text(files?.Count ?? 0), Text(Environment.ProcessId), _since, _notes.Of(store));
    }

    /// <summary>
    /// Everything, to the process that takes our place. Nothing else happens meanwhile; where it does not come to its
    /// end, we go on.
    /// </summary>
    private void HandOver(HoldConnection successor)
    {
        if (TryGiveAll(successor))
        {
            _over.Set();
            return;
        }

        // It may have put its socket in the place of ours before it ended.
        Socket old = _listener;
        _listener = Bind(_path);
        new Thread(Accept) { IsBackground = true, Name = "hold" }.Start(_listener);
        old.Dispose();
    }

    /// <summary>
    /// False where the successor ended before it said that it is in our place: at whatever message that was.
    /// </summary>
    private bool TryGiveAll(HoldConnection successor)
    {
        try
        {
            foreach ((string store, Dictionary<string, SafeFileHandle> files) in _stores)
            {
                foreach ((string name, SafeFileHandle file) in files)
                {
                    successor.Send(file, "file", store, name);
                }
            }

            foreach ((string store, string text) in _notes.All)
            {
                successor.Send("note", store, text);
            }

            successor.Send("done");
            successor.LimitReceiving(s_patience);
            return successor.Receive() is { Word: "ok" };
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            return false;
        }
    }

    private static bool IsWhole(Dictionary<string, SafeFileHandle> files) =>
        files.Count > 0 && files.Values.All(file => !file.IsClosed);

    private void Put(string store, string name, SafeFileHandle descriptor)
    {
        Invariant.Holds(!_over.IsSet, 2);
        Dictionary<string, SafeFileHandle> files = StoreOf(store);
        bool replaces = files.Remove(name, out SafeFileHandle? before);
        before?.Dispose();
        files.Add(name, descriptor); // Where the rest fails, it is held here all the same, and the client is told.
        if (replaces)
        {
            _backup?.Drop($"{store}/{name}");
        }

        _backup?.Put($"{store}/{name}", descriptor);
    }

    private static void RequireMemory(string name, SafeFileHandle descriptor)
    {
        try
        {
            _ = RandomAccess.GetLength(descriptor);
        }
        catch (NotSupportedException)
        {
            throw new MediumException(MediumErrorKind.NotSupported, "put", name, 0,
                $"'{name}' is a pipe, a socket or the like, and no memory.");
        }
    }

    private void Drop(string store, string name)
    {
        if (_stores.TryGetValue(store, out Dictionary<string, SafeFileHandle>? files)
            && files.Remove(name, out SafeFileHandle? file))
        {
            file.Dispose();
            if (files.Count == 0)
            {
                _stores.Remove(store);
            }

            _backup?.Drop($"{store}/{name}");
        }
    }

    private Dictionary<string, SafeFileHandle> StoreOf(string store)
    {
        if (!_stores.TryGetValue(store, out Dictionary<string, SafeFileHandle>? files))
        {
            _stores.Add(store, files = new Dictionary<string, SafeFileHandle>(StringComparer.Ordinal));
            _notes.Remove(store);
        }

        return files;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
