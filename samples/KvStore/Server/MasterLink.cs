using System.Globalization;
using System.Net.Sockets;
using System.Text;
using GuestMemFs;
using KvStore.Commands;
using KvStore.Engine;
using KvStore.Replication;
using KvStore.Transport;

namespace KvStore.Server;

/// <summary>
/// Follows a master, from a thread of its own: it connects, and again where the connection ends, receives, and has what
/// came done on the loop's thread. One for each master.
/// </summary>
internal sealed class MasterLink : IDisposable
{
    private const int SmallBuffer = 64 << 10;
    private const int MostPause = 60;

    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    private readonly KvEngine _engine;
    private readonly MasterAddress _master;
    private readonly CancellationTokenSource _ends = new();
    private readonly LoopTurn _loop;
    private MasterSocket? _socket;
    private string _told = "";

    /// <summary>Begins.</summary>
    /// <param name="engine">The engine, whose gate is held.</param>
    /// <param name="post">Has something done on the loop's thread.</param>
    public MasterLink(KvEngine engine, Action<Action> post)
    {
        _engine = engine;
        _master = engine.Following.Address!.Value;
        _loop = new LoopTurn(engine, post, _ends.Token);
        new Thread(Run) { Name = "master", IsBackground = true }.Start();
    }

    /// <summary>Ends it; does not wait. What it has received and not done is not done any more.</summary>
    public void Dispose()
    {
        _ends.Cancel();
        _socket?.Dispose();
    }

    private void Run()
    {
        int pause = 1;
        while (!_ends.IsCancellationRequested)
        {
            bool isDear = false;
            try
            {
                FollowOnce();
            }
            catch (OperationCanceledException)
            {
                return; // it is to end, or the server does
            }
            catch (Exception e) when (!_ends.IsCancellationRequested)
            {
                // Whatever it is: it tries again, and the log says why.
                isDear = e is MasterException { IsDear: true };
                Tell(e is MasterException or ArenaException or InsufficientMemoryException ? e.Message
                    : e is SocketException or IOException ? $"the connection has ended: {e.Message}" : $"{e}");
            }
            catch (Exception)
            {
                // It is to end.
            }

            _socket?.Dispose();
            pause = isDear ? Math.Min(pause * 2, MostPause) : 1;
            TrySetState(MasterLinkState.Connect);
            _ends.Token.WaitHandle.WaitOne(TimeSpan.FromSeconds(pause));
        }
    }

    private void Tell(string why)
    {
        if (_told != why)
        {
            _told = why;
            StandardError.WriteLine($"replication: master {_master}: {why.TrimEnd('.')}. It is tried again");
        }
    }

    private void FollowOnce()
    {
        TimeSpan patience = TimeSpan.FromSeconds(_engine.Options.ReplicationTimeout);
        TrySetState(MasterLinkState.Connecting);
        _socket = MasterSocket.Connect(_master, patience, _ends.Token);
        _ends.Token.ThrowIfCancellationRequested(); // nobody else disposes of it
        _socket.Heard = () => _engine.Following.HeardAt = Environment.TickCount64;
        TrySetState(MasterLinkState.Handshake);
        Introduce(_socket);
        HistoryPosition? has = null;
        _loop.Run(() => has = Position());
        _socket.Send("PSYNC", has?.Id.ToString() ?? "?", has is { } at ? Text(at.Offset + 1) : "-1");
        string answer = _socket.ReadLine();
        string[] words = answer.Split(' ');
        if (words is ["+FULLRESYNC", var id, var offset])
        {
            TakeCopy(_socket, id, offset);
        }
        else if (words is ["+CONTINUE", ..] && has is { } position)
        {
            GoOn(words.Length > 1 ? words[1] : "", position);
        }
        else
        {
            throw new MasterException($"it answers PSYNC with '{MasterException.Shown(answer)}'");
        }

        _told = "";
        using MasterStream? stream = NewStream();
        Receive(_socket, stream!, patience);
    }

    /// <summary>What the data is of; null where that is no history, or no whole copy.</summary>
    private HistoryPosition? Position() => _engine.Following.IsLoading || _engine.Feed.Backlog is not { } history
        ? null : new HistoryPosition { Id = history.Id, Offset = history.Offset };

    private MasterStream? NewStream()
    {
        MasterStream? stream = null;
        _loop.Run(() =>
        {
            stream = new MasterStream(_engine, _engine.Following.Note.Database);
            _offset = _engine.Feed.Offset;
            _engine.Following.State = MasterLinkState.Connected;
        });
        return stream;
    }

    private void Introduce(MasterSocket socket)
    {
        ServerOptions options = _engine.Options;
        socket.Send("PING");
        Require(socket, "PING", "+PONG", "-NOAUTH", "-NOPERM", "-ERR operation not permitted");
        if (options.MasterPassword.Length > 0)
        {
            socket.Send(options.MasterUser.Length > 0 ? ["AUTH", options.MasterUser, options.MasterPassword]
                : ["AUTH", options.MasterPassword]);
            Require(socket, "AUTH", "+OK");
        }

        socket.Send("REPLCONF", "listening-port", Text(options.Port > 0 ? options.Port : options.TlsPort));
        Require(socket, "REPLCONF listening-port", "+OK");
        socket.Send("REPLCONF", "capa", "eof", "capa", "psync2");
        Require(socket, "REPLCONF capa", "+OK");
    }

    private static void Require(MasterSocket socket, string command, params ReadOnlySpan<string> answers)
    {
        string answer = socket.ReadLine();
        foreach (string right in answers)
        {
            if (answer.StartsWith(right, StringComparison.Ordinal))
            {
                return;
            }
        }

        throw new MasterException($"it answers {command} with '{MasterException.Shown(answer)}'");
    }

    private void TakeCopy(MasterSocket socket, string id, string offset)
    {
        if (!ReplicationId.TryParse(id, out ReplicationId history)
            || !long.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out long at)
            || at > long.MaxValue / 2)
        {
            throw new MasterException($"it names no history, but '{MasterException.Shown($"{id} {offset}")}'");
        }

        Console.WriteLine($"replication: master {_master} sends all keys, as of {history} {at}");
        using MasterCopy copy = new(_engine, _loop, socket);
        copy.Receive(new HistoryPosition { Id = history, Offset = at });
        socket.Send("REPLCONF", "ACK", Text(at));
    }

    private void GoOn(string id, HistoryPosition has)
    {
        ReplicationId now = has.Id;
        if (id.Length > 0 && !ReplicationId.TryParse(id, out now))
        {
            throw new MasterException($"it names no history, but '{MasterException.Shown(id)}'");
        }

        if (now != has.Id)
        {
            _loop.Run(() => _engine.Feed.Rename(now));
        }

        Console.WriteLine($"replication: goes on at {has.Offset} of master {_master}"
            + (now != has.Id ? $", whose history is {now} now" : ""));
    }

    // How much of the history the data has.
    private long _offset;

    /// <summary>Receives, and has it done, until the connection ends.</summary>
    private void Receive(MasterSocket socket, MasterStream stream, TimeSpan patience)
    {
        byte[] buffer = new byte[SmallBuffer];
        int length = 0;
        long heard = Environment.TickCount64;
        long told = 0;
        while (true)
        {
            if (socket.Poll(s_second))
            {
                int received = socket.Read(buffer.AsSpan(length));
                length += received > 0 ? received : throw new MasterException("it has closed the connection");
                heard = Environment.TickCount64;
                length = length >= stream.Needed ? Do(stream, buffer, length) : length;
                buffer = Sized(buffer, length);
            }
            else if (Environment.TickCount64 - heard > patience.TotalMilliseconds)
            {
                throw new MasterException($"it was silent for {patience.TotalSeconds} seconds (repl-timeout)");
            }

            if (stream.IsAsked || Environment.TickCount64 - told >= s_second.TotalMilliseconds)
            {
                stream.IsAsked = false;
                told = Environment.TickCount64;
                socket.Send("REPLCONF", "ACK", Text(_offset));
            }
        }
    }

    /// <summary>Does what is whole, and moves the rest to the front; how much that is.</summary>
    private int Do(MasterStream stream, byte[] buffer, int length)
    {
        int done = 0;
        _loop.Run(() =>
        {
            done = stream.Apply(buffer.AsSpan(0, length));
            _offset = _engine.Feed.Offset;
        });
        if (stream.Fault is { } fault)
        {
            throw new MasterException($"what it sends cannot be done: {fault}");
        }

        buffer.AsSpan(done, length - done).CopyTo(buffer);
        return length - done;
    }

    /// <summary>A buffer with room, which is twice as large where that one is full of a command that is not whole: for
    /// bytes that came, not for those that a length promises.</summary>
    private byte[] Sized(byte[] buffer, int length)
    {
        if (length == buffer.Length)
        {
            return length < _engine.Options.QueryBufferLimit && length < Array.MaxLength
                ? Resized(buffer, length, (int)Math.Min(length * 2L, Array.MaxLength))
                : throw new MasterException(
                    $"a command of {length} bytes passes client-query-buffer-limit, and is not whole yet");
        }

        return length <= SmallBuffer / 2 && buffer.Length > SmallBuffer ? Resized(buffer, length, SmallBuffer) : buffer;
    }

    private static byte[] Resized(byte[] buffer, int length, int size)
    {
        byte[] resized = GC.AllocateUninitializedArray<byte>(size);
        buffer.AsSpan(0, length).CopyTo(resized);
        return resized;
    }

    private void TrySetState(MasterLinkState state)
    {
        try
        {
            _loop.Run(() => _engine.Following.State = state);
        }
        catch (OperationCanceledException)
        {
            // It is to end.
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
