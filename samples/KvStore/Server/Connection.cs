using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using KvStore.Commands;
using KvStore.Engine;
using KvStore.HandOver;
using KvStore.Protocol;
using KvStore.Session;
using KvStore.Transport;

namespace KvStore.Server;

/// <summary>A client that was let in.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Socket">On which its bytes come and go in the clear.</param>
/// <param name="Peer">Its address.</param>
/// <param name="Local">The address that it came to.</param>
/// <param name="IsHandedOver">True where another process let it in.</param>
internal readonly record struct ClientSocket(
    long Id, Socket Socket, EndPoint? Peer, EndPoint? Local, bool IsHandedOver = false);

/// <summary>One client's loop: receive, run what is whole, send the replies, again.</summary>
/// <remarks>
/// While replies wait for a slow reader nothing more is received from it: the socket's own flow control holds it back.
/// All of it runs on the thread of its event loop.
/// </remarks>
internal sealed class Connection : IClientLink, IDisposable
{
    private readonly EventLoop _loop;
    private readonly KvEngine _engine;
    private readonly BatchRunner _runner;
    private readonly SocketPipe _pipe;
    private readonly Action<Connection> _ended;
    private long _bytesIn;
    private long _bytesOut;
    private long _errors;

    public Connection(
        ClientSocket client, EventLoop loop, KvEngine engine, BatchRunner runner, Action<Connection> ended)
    {
        _ended = ended;
        _loop = loop;
        _engine = engine;
        _runner = runner;
        _pipe = new SocketPipe(
            loop, client.Socket, engine.Options.InputBuffer, engine.Options.OutputHardLimit, client.IsHandedOver);
        Session = new ClientSession(client.Id, new RespWriter(_pipe.Output) { Codes = engine.ErrorCodes },
            new RequestParser(engine.Options.Protocol))
        {
            Peer = client.Peer,
            Local = client.Local,
            UnixSocket = engine.Options.UnixSocket,
            Descriptor = client.Socket.Handle,
            User = engine.Users.Default,
            Authenticated = engine.Users.IsOpen,
            Link = this,
        };
    }

    public ClientSession Session { get; }

    public bool IsEnded => _pipe.Output.Ended;

    public Socket Socket => _pipe.Socket;

    public void Post(Action action) => _loop.Post(() =>
    {
        lock (_engine.Gate)
        {
            if (!_engine.Closed)
            {
                action();
            }
        }
    });

    public void SendSoon()
    {
        SocketPipeWriter output = _pipe.Output;
        if (Session.IsReplica && !output.Overflowed)
        {
            output.SendSoon(); // its limits are others
            return;
        }

        long limit = _engine.Options.PubSubLimit;
        if (output.Overflowed || output.UnflushedBytes > limit)
        {
            StandardError.WriteLine($"closing client {Session.Id} ({Session.Address}): it has left "
                + $"{output.UnflushedBytes} bytes of messages unread, and client-output-pubsub-limit is {limit}");
            output.GiveUp();
            return;
        }

        output.SendSoon();
    }

    public void Resume()
    {
        _pipe.Output.SendSoon();
        _pipe.QueueWake();
    }

    /// <summary>
    /// Serves a client that another process has served: what it has sent there runs, what it was not sent goes first.
    /// </summary>
    public void Begin(ClientBytes bytes)
    {
        _pipe.Begin(bytes.Received, bytes.Unsent);
        _ = RunAsync();
    }

    /// <summary>
    /// Lets go of the client, for another process; null where it is about to end. The loop serves nobody any more.
    /// </summary>
    /// <param name="goesAtOnce">Whether so many bytes go with the session.</param>
    /// <param name="ended">Called once it is gone, of a client over TLS.</param>
    public HandedClient? Leave(Func<long, bool> goesAtOnce, Action? ended)
    {
        SocketPipeWriter output = _pipe.Output;
        if (Session.IsReplica)
        {
            return null; // it comes back to the successor, which has its history
        }

        if (_pipe.IsEnding || Session.Drop || (Session.Close && output.UnflushedBytes == 0))
        {
            return null;
        }

        byte[] facts = SessionState.Write(Session);
        if (goesAtOnce(_pipe.Input.Unread.Length + output.UnflushedBytes))
        {
            ClientBytes bytes = CopyBytes();
            return new HandedClient(_pipe.Socket, facts) { Bytes = bytes, Ended = ended };
        }

        return new HandedClient(_pipe.Socket, facts) { CopyLater = CopyBytes, Ended = ended };
    }

    /// <summary>Its bytes; they are gone here.</summary>
    private ClientBytes CopyBytes()
    {
        var bytes = new ClientBytes(_pipe.Input.Unread.ToArray(), _pipe.Output.CopyUnsent());
        _pipe.Leave();
        Session.Parser.Dispose();
        return bytes;
    }

    /// <summary>Serves the client until one of the two closes. Never throws.</summary>
    public async Task RunAsync()
    {
        try
        {
            await ServeAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // One client's request met what it should not (no memory for it, an arena that another writer took over, a
            // defect): it loses its connection, the operator is told, the others notice nothing. Told without await:
            // the loop's thread is kept.
            StandardError.WriteLine($"closing client {Session.Id} in {Session.LastCommand ?? "no command"}: {e}");
        }
        finally
        {
            lock (_engine.Gate)
            {
                _engine.LeaveTransaction(Session);
                _engine.Forget(Session);
                _engine.Statistics.Overflowed += _pipe.Output.Overflowed ? 1 : 0;
                _engine.Statistics.InputOverflowed += _pipe.InputOverflowed ? 1 : 0;
            }

            Dispose();
            _ended(this);
        }
    }

    private async Task ServeAsync()
    {
        SocketPipeReader input = _pipe.Input;
        SocketPipeWriter output = _pipe.Output;
        int needed = 1;
        if ((output.UnflushedBytes > 0 || Session.Close) && !await SendInheritedAsync().ConfigureAwait(false))
        {
            return;
        }

        while (true)
        {
            ReadResult read = await input.ReadAtLeastAsync(needed).ConfigureAwait(false);
            if (read.IsCompleted)
            {
                return;
            }

            bool goOn = Execute(read.Buffer, out needed);
            if (Session.Drop || output.Overflowed)
            {
                return;
            }

            if (!goOn)
            {
                await output.CompleteAsync().ConfigureAwait(false);
                return;
            }

            FlushResult flushed = await output.FlushAsync().ConfigureAwait(false);
            if (flushed.IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>Sends what another process had not; false where that was the last.</summary>
    private async ValueTask<bool> SendInheritedAsync()
    {
        if (Session.Close)
        {
            await _pipe.Output.CompleteAsync().ConfigureAwait(false);
            return false;
        }

        return !(await _pipe.Output.FlushAsync().ConfigureAwait(false)).IsCompleted;
    }

    public void Dispose()
    {
        _pipe.Dispose();
        Session.Parser.Dispose();
    }

    /// <summary>Ends the connection, as if the client had gone. From any thread.</summary>
    public void Abort() => _loop.Post(End);

    /// <inheritdoc cref="Abort"/>
    /// <remarks>On the loop's thread.</remarks>
    public void End() => _pipe.Abort();

    private bool Execute(ReadOnlySequence<byte> buffer, out int needed)
    {
        // One piece, always: that is the reader's promise.
        ReadOnlySpan<byte> bytes = buffer.FirstSpan;
        int consumed;
        lock (_engine.Gate)
        {
            if (_engine.Closed)
            {
                needed = 0;
                return false;
            }

            Session.LastActive = Environment.TickCount64;
            Session.InputBytes = bytes.Length;
            ClientSession? other = _engine.PubSub.Current; // whose script takes long; nobody's else
            _engine.PubSub.Current = Session;
            _pipe.IsInUse = true;
            consumed = _runner.Run(Session, bytes, out needed);
            _pipe.IsInUse = false;
            _engine.PubSub.Current = other;
            Session.Reply.Commit();
            if (_engine.Tracking.HasChanges && _engine.Busy is null)
            {
                _engine.Tracking.SendChanges();
            }

            if (_engine.Replicates)
            {
                _engine.Feed.Send();
            }

            Session.InputBytes = bytes.Length - consumed;
            Session.InputRoom = _pipe.Input.BufferSize - bytes.Length;
            Count();
        }

        // Bytes that were not looked at yet (needed is 0) are read again at once, after the flush.
        SequencePosition at = buffer.GetPosition(consumed);
        _pipe.Input.AdvanceTo(at, needed == 0 ? at : buffer.End);
        long kept = Session.KeptBytes;
        return !Session.Close && !_pipe.Output.Overflowed && _pipe.CountKept(kept)
            && Math.Max(kept, Math.Max(needed, bytes.Length)) <= _engine.Options.QueryBufferLimit;
    }

    private void Count()
    {
        Statistics statistics = _engine.Statistics;
        statistics.BytesIn += _pipe.Input.BytesReceived - _bytesIn;
        _bytesIn = _pipe.Input.BytesReceived;
        statistics.BytesOut += _pipe.Output.BytesSent - _bytesOut;
        _bytesOut = _pipe.Output.BytesSent;
        statistics.Errors += Session.Reply.Errors - _errors;
        _errors = Session.Reply.Errors;
    }
}
