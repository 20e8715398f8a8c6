using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace KvStore.Server;

/// <summary>
/// A <see cref="PipeWriter"/> over a socket: blocks fill up, a flush sends them, and no memory is held between flushes.
/// </summary>
/// <remarks>
/// The usual flush is one block that the kernel takes at once: nothing is awaited or allocated. Over <paramref name="hardLimit"/> unsent bytes the
/// writer gives up: it throws what follows away and <see cref="Overflowed"/> tells the connection to close.
/// </remarks>
internal sealed class SocketPipeWriter(Socket socket, long hardLimit) : PipeWriter, IDisposable
{
    private const int FirstBlock = 16 * 1024;
    private const int NextBlock = 64 * 1024;
    private const int LargestPooled = 1024 * 1024;

    private readonly SendOperation _operation = new();
    private List<Block>? _full;
    private byte[]? _block;
    private int _used;
    private long _fullBytes;

    /// <summary>True where the peer did not read and its replies passed the limit.</summary>
    public bool Overflowed { get; private set; }

    /// <summary>Bytes sent in all.</summary>
    public long BytesSent { get; private set; }

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _fullBytes + _used;

    public override void Advance(int bytes) => _used += bytes;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        EnsureBlock(sizeHint);
        return _block.AsMemory(_used);
    }

    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        EnsureBlock(sizeHint);
        return _block.AsSpan(_used);
    }

    public override void CancelPendingFlush() => throw new NotSupportedException("Close the socket to end a flush.");

    public override void Complete(Exception? exception = null) => Dispose();

    public void Dispose()
    {
        DropAll();
        _operation.Dispose();
    }

    /// <summary>Sends everything. A completed result: the peer is gone.</summary>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (_full is { Count: > 0 })
        {
            return FlushBlocksAsync();
        }

        if (_used == 0)
        {
            return default;
        }

        return _operation.Start(socket, _block.AsMemory(0, _used))
            ? FinishAsync()
            : new ValueTask<FlushResult>(Sent(_operation.Succeeded));
    }

    private async ValueTask<FlushResult> FinishAsync() => Sent(await _operation.Completion.ConfigureAwait(false));

    private FlushResult Sent(bool good)
    {
        BytesSent += good ? _used : 0;
        _used = 0;
        Return(_block!);
        _block = null;
        return new FlushResult(isCanceled: false, isCompleted: !good);
    }

    private async ValueTask<FlushResult> FlushBlocksAsync()
    {
        List<Block> full = _full!;
        for (int i = 0; i < full.Count; i++)
        {
            Block block = full[i];
            bool sent = _operation.Start(socket, block.Bytes.AsMemory(0, block.Length))
                ? await _operation.Completion.ConfigureAwait(false)
                : _operation.Succeeded;
            if (!sent)
            {
                return new FlushResult(isCanceled: false, isCompleted: true);
            }

            BytesSent += block.Length;
            _fullBytes -= block.Length;
            full[i] = default;
            Return(block.Bytes);
        }

        _full = null;
        return await FlushAsync().ConfigureAwait(false);
    }

    private void EnsureBlock(int size)
    {
        size = Math.Max(size, 1);
        if (_block is not null && _block.Length - _used >= size)
        {
            return;
        }

        int length = Math.Max(size, _block is null && _full is null ? FirstBlock : NextBlock);
        if (Overflowed || UnflushedBytes + size > hardLimit)
        {
            // What follows is not kept: one block is written over and over until the connection closes.
            Overflowed = true;
            DropAll();
        }
        else if (_block is not null)
        {
            (_full ??= []).Add(new Block(_block, _used));
            _fullBytes += _used;
        }

        _used = 0;
        _block = length <= LargestPooled ? ArrayPool<byte>.Shared.Rent(length) : GC.AllocateUninitializedArray<byte>(length);
    }

    private void DropAll()
    {
        foreach (Block block in _full ?? [])
        {
            if (block.Bytes is not null)
            {
                Return(block.Bytes);
            }
        }

        _full = null;
        _fullBytes = 0;
        if (_block is not null)
        {
            Return(_block);
            _block = null;
        }

        _used = 0;
    }

    private static void Return(byte[] block)
    {
        if (block.Length <= LargestPooled)
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }

    private readonly record struct Block(byte[] Bytes, int Length);

    /// <summary>One outstanding send; the socket sends all of the buffer, however often it takes.</summary>
    private sealed class SendOperation() : SocketAsyncEventArgs(true), IValueTaskSource<bool>
    {
        private ManualResetValueTaskSourceCore<bool> _source;

        /// <summary>How a send that did not have to wait ended; false: the peer is gone.</summary>
        public bool Succeeded => SocketError == SocketError.Success;

        /// <summary>How a send that has to wait ends.</summary>
        public ValueTask<bool> Completion => new(this, _source.Version);

        /// <summary>True where it has to wait: see <see cref="Completion"/>.</summary>
        public bool Start(Socket socket, Memory<byte> bytes)
        {
            SetBuffer(bytes);
            return socket.SendAsync(this);
        }

        public bool GetResult(short token)
        {
            bool result = _source.GetResult(token);
            _source.Reset();
            return result;
        }

        public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            _source.OnCompleted(continuation, state, token, flags);

        protected override void OnCompleted(SocketAsyncEventArgs e) => _source.SetResult(Succeeded);
    }
}
