using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace KvStore.Transport;

/// <summary>
/// A <see cref="PipeWriter"/> over a socket: blocks fill up, a flush has them sent at the end of the loop's round, and no memory is held once they are.
/// </summary>
/// <remarks>
/// <para>A flush of no more than one block does not wait: the reply leaves with the others of the round, and while it cannot leave nothing more is received. A larger flush
/// completes when all of it is sent. Both complete with <see cref="FlushResult.IsCompleted"/> where the peer is known to be gone.</para>
/// <para>Over <paramref name="hardLimit"/> unsent bytes, or where <paramref name="budget"/> says so, the writer gives up: it throws what follows away and <see cref="Overflowed"/> tells the connection to close.</para>
/// </remarks>
internal sealed class SocketPipeWriter(SocketPipe pipe, BlockPool pool, OutputBudget budget, long hardLimit) : PipeWriter, IValueTaskSource<FlushResult>, IDisposable
{
    private const int LargerBlock = 64 * 1024;
    private const int LargestPooled = 1024 * 1024;

    private Waiter _waiter;
    private Queue<Block>? _full;
    private byte[]? _block;
    private int _used;
    private int _sent;
    private long _fullBytes;

    /// <summary>True where the peer did not read and its replies passed the limit.</summary>
    public bool Overflowed { get; private set; }

    /// <summary>True where nothing can be sent any more.</summary>
    public bool Ended { get; private set; }

    /// <summary>Bytes sent in all.</summary>
    public long BytesSent { get; private set; }

    public override bool CanGetUnflushedBytes => true;

    /// <summary>Bytes written that the kernel has not taken.</summary>
    public override long UnflushedBytes => _fullBytes + _used - _sent;

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

    public override void CancelPendingFlush() => throw new NotSupportedException("Abort the socket's pipe to end a flush.");

    public override void Complete(Exception? exception = null) => End();

    /// <summary>Waits until everything is sent, or the peer is gone.</summary>
    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        if (UnflushedBytes > 0 && !Ended)
        {
            await Flush(0).ConfigureAwait(false);
        }

        End();
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => Flush(BlockPool.BlockSize);

    /// <summary>Sends what the kernel takes; false where it did not take all.</summary>
    internal bool Send()
    {
        while (_full is { Count: > 0 } && !Ended)
        {
            Block block = _full.Peek();
            if (!Send(block.Bytes.AsSpan(0, block.Length)))
            {
                return false;
            }

            _ = _full.Dequeue();
            _fullBytes -= block.Length;
            Return(block.Bytes);
        }

        if (_used > 0 && !Ended)
        {
            if (!Send(_block.AsSpan(0, _used)))
            {
                return false;
            }

            _used = 0;
            Return(_block!);
            _block = null;
        }

        return true;
    }

    /// <summary>Completes the flush that waited for all to be sent.</summary>
    internal void Sent() => _waiter.Complete();

    /// <summary>Nothing more can be sent: the flush that waits is told so.</summary>
    internal void End()
    {
        Ended = true;
        Dispose();
        Sent();
    }

    /// <summary>Gives the blocks back.</summary>
    public void Dispose()
    {
        foreach (Block block in _full ?? [])
        {
            Return(block.Bytes);
        }

        _full = null;
        _fullBytes = 0;
        if (_block is not null)
        {
            Return(_block);
            _block = null;
        }

        _used = _sent = 0;
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token) => Result();

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _waiter.Status;

    void IValueTaskSource<FlushResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _waiter.OnCompleted(continuation, state);

    /// <param name="unwaited">So many unsent bytes are not waited for.</param>
    private ValueTask<FlushResult> Flush(int unwaited)
    {
        long unsent = UnflushedBytes;
        if (unsent > 0 && !Ended)
        {
            pipe.QueueSend();
            if (unsent > unwaited)
            {
                _waiter.Begin();
                return new ValueTask<FlushResult>(this, 0);
            }
        }

        return new ValueTask<FlushResult>(Result());
    }

    private FlushResult Result() => new(isCanceled: false, isCompleted: Ended);

    /// <summary>Sends a block from where it was left; true where all of it is sent.</summary>
    private bool Send(ReadOnlySpan<byte> block)
    {
        while (_sent < block.Length)
        {
            int sent = pipe.TrySend(block[_sent..]);
            if (sent < 0)
            {
                Ended = true;
            }

            if (sent <= 0)
            {
                return Ended;
            }

            _sent += sent;
            BytesSent += sent;
        }

        _sent = 0;
        return true;
    }

    private void EnsureBlock(int size)
    {
        size = Math.Max(size, 1);
        if (_block is not null && _block.Length - _used >= size)
        {
            return;
        }

        if (Overflowed || UnflushedBytes + size > hardLimit || budget.IsOver(UnflushedBytes, size))
        {
            // What follows is not kept: one block is written over and over until the connection closes.
            Overflowed = true;
            Dispose();
        }
        else if (_block is not null)
        {
            (_full ??= []).Enqueue(new Block(_block, _used));
            _fullBytes += _used;
        }

        _used = 0;
        _block = Rent(size);
    }

    private byte[] Rent(int size)
    {
        if (size <= BlockPool.BlockSize && _full is not { Count: > 0 })
        {
            return pool.Rent();
        }

        size = Math.Max(size, LargerBlock);
        byte[] block = size <= LargestPooled ? ArrayPool<byte>.Shared.Rent(size) : GC.AllocateUninitializedArray<byte>(size);
        budget.Add(block.Length);
        return block;
    }

    private void Return(byte[] block)
    {
        if (block.Length == BlockPool.BlockSize)
        {
            pool.Return(block);
            return;
        }

        budget.Remove(block.Length);
        if (block.Length <= LargestPooled)
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }

    private readonly record struct Block(byte[] Bytes, int Length);
}
