using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using GuestMemFs.Holding.Native;
using KvStore.Memory;

namespace KvStore.Transport;

/// <summary>
/// A <see cref="PipeWriter"/> over a socket: blocks fill up, a flush has them sent at the end of the loop's round, and
/// no memory is held once they are.
/// </summary>
/// <remarks>
/// <para>A flush of no more than one block does not wait: the reply leaves with the others of the round, and while it
/// cannot leave nothing more is received. A larger flush completes when all of it is sent. Both complete with
/// <see cref="FlushResult.IsCompleted"/> where the peer is known to be gone.</para>
/// <para>Over <paramref name="hardLimit"/> unsent bytes, or where <paramref name="budget"/> says so, the writer gives
/// up: it throws what follows away and <see cref="Overflowed"/> tells the connection to close.</para>
/// <para>Its memory does not move, and is not an array's: only <see cref="GetSpan"/> hands it out.</para>
/// </remarks>
internal sealed class SocketPipeWriter(SocketPipe pipe, BlockPool pool, MemoryBudget budget, long hardLimit)
    : PipeWriter, IValueTaskSource<FlushResult>, IMemoryHolder, IDisposable
{
    /// <summary>Unsent bytes that a flush does not wait for.</summary>
    private const int Unwaited = 16 * 1024;

    private Waiter _waiter;
    private Queue<FullBlock>? _full;
    private Block _block;
    private int _used;
    private int _sent;
    private long _fullBytes;

    /// <summary>True where the peer did not read and its replies passed the limit.</summary>
    public bool Overflowed { get; private set; }

    /// <summary>True where nothing can be sent any more.</summary>
    public bool Ended { get; private set; }

    public bool IsInUse => pipe.IsInUse;

    /// <summary>Bytes of its blocks.</summary>
    public long Held { get; private set; }

    /// <summary>Bytes sent in all.</summary>
    public long BytesSent { get; private set; }

    public override bool CanGetUnflushedBytes => true;

    /// <summary>Bytes written that the kernel has not taken.</summary>
    public override long UnflushedBytes => _fullBytes + _used - _sent;

    public override void Advance(int bytes) => _used += bytes;

    public override Memory<byte> GetMemory(int sizeHint = 0) => throw new NotSupportedException("Ask for a span.");

    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        EnsureBlock(sizeHint);
        return _block.Span[_used..];
    }

    public override void CancelPendingFlush() =>
        throw new NotSupportedException("Abort the socket's pipe to end a flush.");

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

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => Flush(Unwaited);

    /// <summary>Sends what the kernel takes; false where it did not take all.</summary>
    internal bool Send()
    {
        while (_full is { Count: > 0 } && !Ended)
        {
            if (!SendFull(_full))
            {
                return false;
            }
        }

        if (_used > 0 && !Ended)
        {
            if (!Send(_block.Span[.._used]))
            {
                return false;
            }

            _used = 0;
            Return(_block);
            _block = default;
        }

        return true;
    }

    /// <summary>What is unsent, piece by piece.</summary>
    internal IReadOnlyList<byte[]> CopyUnsent()
    {
        var pieces = new List<byte[]>();
        int skipped = _sent;
        foreach (FullBlock full in _full ?? [])
        {
            pieces.Add(full.Block.Span[skipped..full.Used].ToArray());
            skipped = 0;
        }

        if (_used > skipped)
        {
            pieces.Add(_block.Span[skipped.._used].ToArray());
        }

        return pieces;
    }

    /// <summary>Takes over what another process has not sent: it goes before all that was written here.</summary>
    internal void Inherit(IReadOnlyList<byte[]> pieces)
    {
        if (pieces.Count == 0 || Ended)
        {
            return;
        }

        Queue<FullBlock> all = new();
        foreach (byte[] piece in pieces)
        {
            Block block = pool.Rent(piece.Length);
            piece.CopyTo(block.Span);
            budget.Take(block.Length);
            Held += block.Length;
            _fullBytes += piece.Length;
            all.Enqueue(new FullBlock(block, piece.Length));
        }

        foreach (FullBlock full in _full ?? [])
        {
            all.Enqueue(full);
        }

        _full = all;
    }

    /// <summary>Has what was written sent at the end of the loop's round; nobody waits for it.</summary>
    internal void SendSoon()
    {
        if (!Ended && UnflushedBytes > 0)
        {
            pipe.QueueSend();
        }
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

    /// <summary>Others need the memory: it goes back now, and the connection ends soon.</summary>
    public void GiveUp()
    {
        Overflowed = Ended = true;
        Dispose();
        pipe.AbortSoon();
    }

    /// <summary>Gives the blocks back.</summary>
    public void Dispose()
    {
        foreach (FullBlock full in _full ?? [])
        {
            Return(full.Block);
        }

        _full = null;
        _fullBytes = 0;
        if (_block.Length > 0)
        {
            Return(_block);
            _block = default;
        }

        _used = _sent = 0;
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token) => Result();

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _waiter.Status;

    void IValueTaskSource<FlushResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
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

    /// <summary>Sends full blocks, as many as go in one call; true where all of these are sent.</summary>
    private unsafe bool SendFull(Queue<FullBlock> full)
    {
        Span<SocketMessage.IoVector> pieces = stackalloc SocketMessage.IoVector[GatheringSend.Most];
        int count = 0;
        long length = -_sent;
        foreach (FullBlock block in full)
        {
            int skipped = count == 0 ? _sent : 0;
            pieces[count++] = new() { Base = block.Block.Start + skipped, Length = block.Used - skipped };
            length += block.Used;
            if (count == pieces.Length)
            {
                break;
            }
        }

        nint sent = pipe.TrySend(pieces[..count]);
        Ended |= sent < 0;
        if (sent <= 0)
        {
            return Ended;
        }

        BytesSent += sent;
        long done = _sent + sent;
        while (full.TryPeek(out FullBlock first) && done >= first.Used)
        {
            done -= first.Used;
            _fullBytes -= first.Used;
            _ = full.Dequeue();
            Return(first.Block);
        }

        _sent = (int)done;
        return sent == length;
    }

    private void EnsureBlock(int size)
    {
        size = Math.Max(size, 1);
        if (_block.Length - _used >= size)
        {
            return;
        }

        // Asked before anything is taken: the limits are of what is held, and not of what was.
        int taken = Math.Max(size, BlockPool.BlockSize);
        if (Overflowed || UnflushedBytes + size > hardLimit || !budget.TryTake(this, taken))
        {
            // What follows is not kept: one block is written over and over until the connection closes.
            Overflowed = true;
            Dispose();
            budget.Take(taken);
        }
        else if (_block.Length > 0)
        {
            (_full ??= []).Enqueue(new FullBlock(_block, _used));
            _fullBytes += _used;
        }

        _used = 0;
        _block = default;
        Held += taken;
        _block = pool.Rent(size);
    }

    private void Return(Block block)
    {
        budget.Give(block.Length);
        Held -= block.Length;
        pool.Return(block);
    }

    private readonly record struct FullBlock(Block Block, int Used);
}
