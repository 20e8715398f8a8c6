using System.Net.Sockets;

namespace KvStore.Transport;

/// <summary>A listening socket in an <see cref="EventLoop"/>.</summary>
internal sealed class Listener : IEventHandler, IDisposable
{
    /// <summary>In milliseconds: at the limit it may stop and go on many times a second.</summary>
    private const long ToldAgainAfter = 3_600_000;

    private readonly EventLoop _loop;
    private readonly Socket _socket;
    private readonly Action<Socket> _accepted;
    private bool _disposed;
    private bool _paused;
    private long _toldAt = -ToldAgainAfter;

    /// <param name="loop">Who watches it, from now on.</param>
    /// <param name="socket">The socket, which listens already and is closed with this.</param>
    /// <param name="accepted">Takes over a client's socket, on the loop's thread.</param>
    public Listener(EventLoop loop, Socket socket, Action<Socket> accepted)
    {
        _loop = loop;
        _socket = socket;
        _accepted = accepted;
        socket.Blocking = false;
        loop.Add(socket.SafeHandle, this, Readiness.Readable);
    }

    /// <summary>One client a round: those who are connected already get their turn.</summary>
    void IEventHandler.Ready()
    {
        Socket client;
        try
        {
            client = _socket.Accept();
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.ConnectionAborted)
        {
            return; // it was gone at once
        }
        catch (SocketException e)
        {
            // Out of descriptors: those who wait stay in the kernel's queue until some are free.
            Pause(e.Message);
            return;
        }

        _accepted(client);
    }

    void IEventHandler.EndOfRound()
    {
        // A listener has nothing to send.
    }

    /// <summary>On the loop's thread.</summary>
    public void Dispose()
    {
        _disposed = true;
        _socket.Dispose();
    }

    /// <summary>Accepts no more, and leaves the socket open: the loop has ended.</summary>
    public void Leave() => _disposed = true;

    /// <summary>Accepts again, where it had to stop. On the loop's thread; tried from time to time.</summary>
    public void Resume()
    {
        if (_paused && !_disposed)
        {
            _paused = false;
            _loop.Add(_socket.SafeHandle, this, Readiness.Readable);
        }
    }

    private void Pause(string why)
    {
        _loop.Remove(_socket.SafeHandle);
        _paused = true;
        if (Environment.TickCount64 - _toldAt >= ToldAgainAfter)
        {
            _toldAt = Environment.TickCount64;
            StandardError.WriteLine(
                $"accept: {why}. New clients wait until descriptors are free; connected ones are served.");
        }
    }
}
