using System.Buffers;
using System.ComponentModel;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using KvStore.Transport;

namespace KvStore.Tls;

/// <summary>Takes over the plain end of a client that has shown who it is.</summary>
/// <param name="plain">A socket on which the client's bytes come and go in the clear, inside of this process.</param>
/// <param name="peer">The client's address.</param>
/// <param name="local">The address that it came to.</param>
/// <param name="ended">To be called once the plain socket is closed.</param>
internal delegate void TlsClientHandler(Socket plain, EndPoint? peer, EndPoint? local, Action ended);

/// <summary>A port for TLS: each client is decrypted on the thread pool and handed on as a plain socket.</summary>
/// <remarks>The event loop never sees TLS, so plain clients pay nothing for it, and a handshake holds nobody up
/// (docs/decisions/0016). A client takes three descriptors; so many places there are.</remarks>
internal sealed class TlsListener : IDisposable
{
    private const int BufferSize = 16 * 1024;
    private static readonly TimeSpan s_handshakeTime = TimeSpan.FromSeconds(10);

    /// <summary>For so long the last replies may take, once the server is done with a client.</summary>
    private static readonly TimeSpan s_lastReplies = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly Socket _listener;
    private readonly SslServerAuthenticationOptions _options;
    private readonly SemaphoreSlim _places;
    private readonly int _placesInAll;
    private readonly CancellationTokenSource _end = new();

    /// <param name="listener">Listens already; closed with this.</param>
    /// <param name="options">Certificates.</param>
    /// <param name="places">Most clients at once, those in the handshake included. More wait in the kernel's
    /// queue.</param>
    /// <param name="handler">Takes the clients over; called on any thread.</param>
    public TlsListener(Socket listener, SslServerAuthenticationOptions options, int places, TlsClientHandler handler)
    {
        _listener = listener;
        _options = options;
        Handler = handler;
        _placesInAll = places;
        _places = new SemaphoreSlim(places);
        _ = AcceptAsync();
    }

    /// <summary>Takes the clients over from here on.</summary>
    public TlsClientHandler Handler { get; set; }

    /// <summary>
    /// Waits until the clients whose plain ends are closed have got their last replies, for at most so long.
    /// </summary>
    public void WaitForLast(TimeSpan time) =>
        SpinWait.SpinUntil(() => _places.CurrentCount >= _placesInAll - 1, time); // one place waits for the next client

    /// <summary>Lets nobody in any more, and ends those who are there.</summary>
    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                await _places.WaitAsync(_end.Token).ConfigureAwait(false);
                _ = ServeAsync(await AcceptOneAsync().ConfigureAwait(false));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The server ends.
        }
    }

    private async Task<Socket> AcceptOneAsync()
    {
        while (true)
        {
            try
            {
                return await _listener.AcceptAsync(_end.Token).ConfigureAwait(false);
            }
            catch (SocketException) when (!_end.IsCancellationRequested)
            {
                // It was gone at once, or there are no descriptors: others wait meanwhile.
                await Task.Delay(s_pause, _end.Token).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Serves one client to its end. Whatever goes wrong costs it its connection, and nobody else
    /// anything.</summary>
    private async Task ServeAsync(Socket client)
    {
        await Task.Yield(); // A handshake's arithmetic is not the accepting loop's.
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        try
        {
            client.NoDelay = true;
            var stream = new SslStream(new NetworkStream(client, ownsSocket: true));
            await using (stream.ConfigureAwait(false))
            {
                await HandshakeAsync(stream).ConfigureAwait(false);
                (Socket outer, Socket inner) = SocketPair.Create();
                var plain = new NetworkStream(outer, ownsSocket: true);
                await using (plain.ConfigureAwait(false))
                {
                    Handler(inner, client.RemoteEndPoint, client.LocalEndPoint, () => EndSoon(end));
                    Task fromClient = FromClientAsync(stream, plain, end.Token);
                    await CopyAsync(plain, stream, end.Token).ConfigureAwait(false);
                    await stream.ShutdownAsync().ConfigureAwait(false);
                    client.Shutdown(SocketShutdown.Both); // What it still sends is for nobody.
                    await fromClient.ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (e is AuthenticationException or IOException or SocketException or Win32Exception
            or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            client.Dispose(); // It is gone, or is not let in: it was told by TLS itself.
        }
        finally
        {
            _places.Release();
        }
    }

    private async Task HandshakeAsync(SslStream stream)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        patience.CancelAfter(s_handshakeTime);
        await stream.AuthenticateAsServerAsync(_options, patience.Token).ConfigureAwait(false);
    }

    private static async Task FromClientAsync(SslStream from, NetworkStream to, CancellationToken end)
    {
        try
        {
            await CopyAsync(from, to, end).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // One of the two sides is gone.
        }
        finally
        {
            EndSending(to.Socket);
        }
    }

    /// <summary>Copies until there is no more. While nothing comes, it has no buffer.</summary>
    private static async Task CopyAsync(Stream from, Stream to, CancellationToken end)
    {
        while (true)
        {
            await from.ReadAsync(Memory<byte>.Empty, end).ConfigureAwait(false);
            byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
            try
            {
                int count = await from.ReadAsync(buffer, end).ConfigureAwait(false);
                if (count == 0)
                {
                    return;
                }

                await to.WriteAsync(buffer.AsMemory(0, count), end).ConfigureAwait(false);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    private static void EndSoon(CancellationTokenSource end)
    {
        try
        {
            end.CancelAfter(s_lastReplies);
        }
        catch (ObjectDisposedException)
        {
            // It has ended already.
        }
    }

    private static void EndSending(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The other side has closed already.
        }
    }
}
