using System.IO.Pipelines;
using System.Net.Sockets;
using GuestMemFs.Holding.Native;
using KvStore.Memory;

namespace KvStore.Transport;

/// <summary>
/// A connected socket in an <see cref="EventLoop"/>, as a pair of pipes. Belongs to the loop's thread.
/// </summary>
/// <remarks>
/// It is watched for input, or, while the peer does not take what was sent, for room instead: from a peer that does not
/// read nothing is received.
/// </remarks>
internal sealed class SocketPipe : IDuplexPipe, IEventHandler, IMemoryHolder, IDisposable
{
    private readonly EventLoop _loop;
    private readonly Socket _socket;
    private readonly SocketPipeReader _input;
    private readonly SocketPipeWriter _output;
    private bool _blocked;
    private bool _sendQueued;
    private bool _wakeQueued;
    private bool _disposed;
    private bool _aborting;
    private bool _resting;
    private long _keptElsewhere;

    /// <param name="loop">Who watches it, from now on.</param>
    /// <param name="socket">The socket, which is closed with this.</param>
    /// <param name="inputBuffer">Bytes of the buffer for small requests.</param>
    /// <param name="hardLimit">Unsent bytes over which output is thrown away.</param>
    /// <param name="rests">True where nothing is received or sent until <see cref="Begin"/>.</param>
    public SocketPipe(EventLoop loop, Socket socket, int inputBuffer, long hardLimit, bool rests = false)
    {
        _loop = loop;
        _socket = socket;
        socket.Blocking = false;
        _input = new SocketPipeReader(CountInput, socket, loop.Pages, inputBuffer);
        _output = new SocketPipeWriter(this, loop.Blocks, loop.Output, hardLimit);
        _resting = rests;
        if (!rests)
        {
            loop.Add(socket.SafeHandle, this, Readiness.Readable);
        }

        loop.Output.Add(_output);
        loop.Input.Add(this);
    }

    public Socket Socket => _socket;

    public SocketPipeReader Input => _input;

    public SocketPipeWriter Output => _output;

    /// <summary>Bytes of input that are not done, and of what was kept of it.</summary>
    public long Held { get; private set; }

    /// <summary>True while what was received runs, and replies: nothing is received or sent meanwhile.</summary>
    /// <remarks>A script that takes long lets the loop serve others: without it the script's own client could lose its
    /// buffers to them, or to its peer's end.</remarks>
    public bool IsInUse { get; set; }

    /// <summary>True where the peer made the server keep too much.</summary>
    public bool InputOverflowed { get; private set; }

    PipeReader IDuplexPipe.Input => _input;

    PipeWriter IDuplexPipe.Output => _output;

    void IEventHandler.Ready()
    {
        if (_aborting || IsInUse)
        {
            return;
        }

        if (_blocked)
        {
            Send();
        }
        else
        {
            _input.Receive();
        }
    }

    void IEventHandler.EndOfRound()
    {
        if (IsInUse && !_disposed)
        {
            _loop.CallAtEndOfRound(this); // in a round within its own: once what runs is done
            return;
        }

        _sendQueued = false;
        if (!_blocked && !_disposed && !_resting)
        {
            Send();
        }

        if (_wakeQueued && !_disposed)
        {
            _wakeQueued = false;
            _input.CancelPendingRead();
        }
    }

    /// <summary>True where it is about to end, or has.</summary>
    public bool IsEnding => _aborting || _disposed || _output.Ended || _input.Ended || InputOverflowed;

    /// <summary>Begins, with what another process has received and not run, and not sent.</summary>
    public void Begin(ReadOnlySpan<byte> received, IReadOnlyList<byte[]> unsent)
    {
        if (!_disposed)
        {
            _resting = false;
            _input.Inherit(received);
            _output.Inherit(unsent);
            _loop.Add(_socket.SafeHandle, this, Readiness.Readable);
        }
    }

    /// <summary>Gives its memory back, and leaves the socket open: its loop has ended.</summary>
    public void Leave()
    {
        _disposed = true;
        _input.Dispose();
        _output.Dispose();
    }

    /// <summary>Ends both pipes as if the peer had gone: what waits for them is told.</summary>
    public void Abort()
    {
        if (!_disposed)
        {
            _output.End();
            _input.End();
        }
    }

    /// <summary>The same, once what runs now is done. Until then nothing is received or sent.</summary>
    public void AbortSoon()
    {
        if (!_aborting)
        {
            _aborting = true;
            _loop.Post(Abort);
        }
    }

    /// <summary>Counts what is kept of the peer's input outside of the pipe; false where that is too much.</summary>
    public bool CountKept(long bytes)
    {
        _keptElsewhere = bytes;
        return CountInput();
    }

    void IMemoryHolder.GiveUp()
    {
        InputOverflowed = true;
        _input.Dispose();
        _loop.Input.Give(Held);
        Held = 0;
        _keptElsewhere = 0; // its owner gives it back when it is told that the peer is gone
        AbortSoon();
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (!_resting)
        {
            _loop.Remove(_socket.SafeHandle);
        }

        _socket.Dispose();
        _input.Dispose();
        _output.Dispose();
        _loop.Output.Remove(_output);
        _loop.Input.Remove(this);
        _loop.Input.Give(Held);
        Held = 0;
    }

    /// <summary>Counts what the input takes now; false where that is too much, and the connection is to end.</summary>
    private bool CountInput()
    {
        long now = _input.Taken + _keptElsewhere;
        long more = now - Held;
        if (more <= 0)
        {
            _loop.Input.Give(-more);
        }
        else if (!_loop.Input.TryTake(this, more))
        {
            _loop.Input.Take(more);
            InputOverflowed = true;
        }

        Held = now;
        return !InputOverflowed;
    }

    /// <summary>Has what was written sent at the end of the loop's round.</summary>
    internal void QueueSend()
    {
        if (!_sendQueued && !_blocked && !_resting)
        {
            _sendQueued = true;
            _loop.CallAtEndOfRound(this);
        }
    }

    /// <summary>Wakes the reader at the end of the loop's round, for the input that is there already.</summary>
    public void QueueWake()
    {
        if (!_wakeQueued)
        {
            _wakeQueued = true;
            _loop.CallAtEndOfRound(this);
        }
    }

    /// <summary>Sends; how many bytes were taken, 0: no room now; -1: the peer is gone.</summary>
    internal int TrySend(ReadOnlySpan<byte> bytes)
    {
        int sent = _socket.Send(bytes, SocketFlags.None, out SocketError error);
        return error switch
        {
            SocketError.Success => sent,
            SocketError.WouldBlock or SocketError.Interrupted or SocketError.NoBufferSpaceAvailable => 0,
            _ => -1,
        };
    }

    /// <inheritdoc cref="TrySend(ReadOnlySpan{byte})"/>
    internal nint TrySend(ReadOnlySpan<SocketMessage.IoVector> pieces) =>
        GatheringSend.TrySend(_socket.SafeHandle, pieces);

    private void Send()
    {
        bool blocked = !_output.Send();
        if (blocked != _blocked)
        {
            _blocked = blocked;
            _loop.Change(_socket.SafeHandle, blocked ? Readiness.Writable : Readiness.Readable);
        }

        if (!blocked)
        {
            _output.Sent();
        }

        if (_output.Ended)
        {
            _input.End();
        }
    }
}
