using System.IO.Pipelines;
using System.Net.Sockets;

namespace KvStore.Transport;

/// <summary>A connected socket in an <see cref="EventLoop"/>, as a pair of pipes. Belongs to the loop's thread.</summary>
/// <remarks>
/// It is watched for input, or, while the peer does not take what was sent, for room instead: from a peer that does not read nothing is received.
/// </remarks>
internal sealed class SocketPipe : IDuplexPipe, IEventHandler, IDisposable
{
    private readonly EventLoop _loop;
    private readonly Socket _socket;
    private readonly SocketPipeReader _input;
    private readonly SocketPipeWriter _output;
    private bool _blocked;
    private bool _sendQueued;
    private bool _disposed;

    /// <param name="loop">Who watches it, from now on.</param>
    /// <param name="socket">The socket, which is closed with this.</param>
    /// <param name="inputBuffer">Bytes of the buffer for small requests.</param>
    /// <param name="hardLimit">Unsent bytes over which output is thrown away.</param>
    public SocketPipe(EventLoop loop, Socket socket, int inputBuffer, long hardLimit)
    {
        _loop = loop;
        _socket = socket;
        socket.Blocking = false;
        _input = new SocketPipeReader(socket, inputBuffer);
        _output = new SocketPipeWriter(this, loop.Blocks, loop.Output, hardLimit);
        loop.Add(socket.SafeHandle, this, Readiness.Readable);
    }

    public SocketPipeReader Input => _input;

    public SocketPipeWriter Output => _output;

    PipeReader IDuplexPipe.Input => _input;

    PipeWriter IDuplexPipe.Output => _output;

    void IEventHandler.Ready()
    {
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
        _sendQueued = false;
        if (!_blocked && !_disposed)
        {
            Send();
        }
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

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _loop.Remove(_socket.SafeHandle);
        _socket.Dispose();
        _input.Dispose();
        _output.Dispose();
    }

    /// <summary>Has what was written sent at the end of the loop's round.</summary>
    internal void QueueSend()
    {
        if (!_sendQueued && !_blocked)
        {
            _sendQueued = true;
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
