using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Server;

/// <summary>One client's loop: receive, run what is whole, send the replies, again.</summary>
/// <remarks>While replies wait for a slow reader nothing more is received from it: the socket's own flow control holds it back.</remarks>
internal sealed class Connection : IDisposable
{
    /// <summary>After so many receives that did not have to wait, others get their turn.</summary>
    private const int FairReceives = 32;

    private readonly Socket _socket;
    private readonly KvEngine _engine;
    private readonly BatchRunner _runner;
    private readonly SocketPipeReader _reader;
    private readonly SocketPipeWriter _writer;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _bytesIn;
    private long _bytesOut;
    private long _errors;

    public Connection(long id, Socket socket, KvEngine engine, BatchRunner runner)
    {
        _socket = socket;
        _engine = engine;
        _runner = runner;
        _reader = new SocketPipeReader(socket, engine.Options.InputBuffer);
        _writer = new SocketPipeWriter(socket, engine.Options.OutputHardLimit);
        Session = new Session(id, new RespWriter(_writer), new RequestParser(engine.Options.Protocol))
        {
            Address = Describe(socket.RemoteEndPoint, engine.Options),
            LocalAddress = Describe(socket.LocalEndPoint, engine.Options),
            Descriptor = socket.Handle,
            Authenticated = engine.Options.RequirePass.Length == 0,
        };
    }

    public Session Session { get; }

    /// <summary>Completes when the loop has ended.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Serves the client until one of the two closes. Never throws.</summary>
    public async Task RunAsync()
    {
        try
        {
            await ServeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // The peer went away in the middle; there is nobody to tell.
        }
        catch (Exception e)
        {
            // One client's request met what it should not (no memory for it, an arena that another writer took over, a defect): it loses its
            // connection, the operator is told, the others notice nothing.
            await Console.Error.WriteLineAsync($"closing client {Session.Id} in {Session.LastCommand?.Name ?? "no command"}: {e}").ConfigureAwait(false);
        }
        finally
        {
            lock (_engine.Gate)
            {
                _engine.Watches.Remove(Session);
            }

            Dispose();
            _ended.TrySetResult();
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _reader.Dispose();
        _writer.Dispose();
    }

    /// <summary>Ends the loop from outside: pending operations fail.</summary>
    public void Abort() => _socket.Dispose();

    private async Task ServeAsync()
    {
        int needed = 1;
        int immediate = 0;
        while (true)
        {
            ReadResult read = needed > 1
                ? await _reader.ReadAtLeastAsync(needed).ConfigureAwait(false)
                : await _reader.ReadAsync().ConfigureAwait(false);
            if (read.IsCompleted)
            {
                return;
            }

            bool goOn = Execute(read.Buffer, out needed);
            if (Session.Drop || _writer.Overflowed)
            {
                return;
            }

            FlushResult flushed = await _writer.FlushAsync().ConfigureAwait(false);
            if (!goOn || flushed.IsCompleted)
            {
                return;
            }

            immediate = _reader.LastReadWasImmediate ? immediate + 1 : 0;
            if (immediate >= FairReceives)
            {
                immediate = 0;
                await Task.Yield();
            }
        }
    }

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
            consumed = _runner.Run(Session, bytes, out needed);
            Session.Reply.Commit();
            Session.InputBytes = bytes.Length - consumed;
            Session.InputRoom = _reader.BufferSize - bytes.Length;
            Count();
        }

        // Bytes that were not looked at yet (needed is 0) are read again at once, after the flush.
        SequencePosition at = buffer.GetPosition(consumed);
        _reader.AdvanceTo(at, needed == 0 ? at : buffer.End);
        return !Session.Close && !_writer.Overflowed && needed <= _engine.Options.QueryBufferLimit && bytes.Length <= _engine.Options.QueryBufferLimit;
    }

    private void Count()
    {
        Statistics statistics = _engine.Statistics;
        statistics.BytesIn += _reader.BytesReceived - _bytesIn;
        _bytesIn = _reader.BytesReceived;
        statistics.BytesOut += _writer.BytesSent - _bytesOut;
        _bytesOut = _writer.BytesSent;
        statistics.Errors += Session.Reply.Errors - _errors;
        _errors = Session.Reply.Errors;
        statistics.Overflowed += _writer.Overflowed ? 1 : 0;
    }

    private static string Describe(EndPoint? end, ServerOptions options) => end switch
    {
        UnixDomainSocketEndPoint => $"{options.UnixSocket}:0",
        null => "",
        _ => end.ToString() ?? "",
    };
}
