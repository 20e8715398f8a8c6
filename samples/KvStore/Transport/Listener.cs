using System.Net.Sockets;

namespace KvStore.Transport;

/// <summary>A listening socket in an <see cref="EventLoop"/>.</summary>
internal sealed class Listener : IEventHandler, IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly EventLoop _loop;
    private readonly Socket _socket;
    private readonly Action<Socket> _accepted;
    private bool _disposed;

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
            // Out of descriptors: the next may do better, a little later.
            Console.Error.WriteLine($"accept: {e.Message}");
            _loop.Remove(_socket.SafeHandle);
            _ = ResumeAsync();
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

    private async Task ResumeAsync()
    {
        await Task.Delay(Pause).ConfigureAwait(false);
        _loop.Post(() =>
        {
            if (!_disposed)
            {
                _loop.Add(_socket.SafeHandle, this, Readiness.Readable);
            }
        });
    }
}
