using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace KvStore.Server;

/// <summary>
/// A <see cref="PipeReader"/> over a socket whose buffer is always one contiguous piece, so that parsers see one span.
/// </summary>
/// <remarks>
/// <para>The buffer starts small (ten thousand idle connections hold a few megabytes together), doubles while it fills, and shrinks back
/// when a while went by without need. <see cref="PipeReader.ReadAtLeastAsync"/> makes it as large as asked at once, so a value whose length was announced is
/// received where it stays; such memory is native and the kernel backs only what arrives.</para>
/// <para>Completions run on the thread that found the socket readable. One reader, one outstanding read.</para>
/// </remarks>
internal sealed class SocketPipeReader : PipeReader, IValueTaskSource<ReadResult>, IDisposable
{
    private const int InitialSize = 512;
    private const int ShrinkAfterReads = 64;

    private readonly Socket _socket;
    private readonly int _comfortableSize;
    private readonly ReceiveOperation _operation;
    private ManualResetValueTaskSourceCore<ReadResult> _source;
    private InputBuffer _buffer = new(InitialSize);
    private int _start;
    private int _end;
    private int _atLeast;
    private bool _examinedAll = true;
    private bool _completed;
    private int _peak;
    private int _reads;

    /// <param name="socket">The socket; the caller disposes it.</param>
    /// <param name="comfortableSize">To what size the buffer grows for many small requests, in bytes.</param>
    public SocketPipeReader(Socket socket, int comfortableSize)
    {
        _socket = socket;
        _comfortableSize = comfortableSize;
        _operation = new ReceiveOperation(this);
    }

    /// <summary>Bytes received in all.</summary>
    public long BytesReceived { get; private set; }

    /// <summary>Bytes of buffer held.</summary>
    public int BufferSize => _buffer.Length;

    /// <summary>Bytes received that are not consumed.</summary>
    public int Buffered => _end - _start;

    /// <summary>True where the last read found its bytes without waiting: a sign that others may be waiting.</summary>
    public bool LastReadWasImmediate { get; private set; }

    public override bool TryRead(out ReadResult result)
    {
        result = Result();
        return (!_examinedAll && _end > _start) || _completed;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => Read(0);

    protected override ValueTask<ReadResult> ReadAtLeastAsyncCore(int minimumSize, CancellationToken cancellationToken) => Read(minimumSize);

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        _examinedAll = Offset(examined) == _end;
        _start = Offset(consumed);
        if (_start == _end)
        {
            _start = _end = 0;
        }
    }

    public override void CancelPendingRead() => throw new NotSupportedException("Close the socket to end a read.");

    public override void Complete(Exception? exception = null) => Dispose();

    public void Dispose()
    {
        _buffer.Dispose();
        _operation.Dispose();
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        ReadResult result = _source.GetResult(token);
        _source.Reset();
        return result;
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    private ValueTask<ReadResult> Read(int atLeast)
    {
        _atLeast = atLeast;
        if (_completed || (!_examinedAll && _end - _start >= Math.Max(1, atLeast)))
        {
            LastReadWasImmediate = true;
            return new ValueTask<ReadResult>(Result());
        }

        LastReadWasImmediate = true;
        while (Receive())
        {
            if (Received())
            {
                return new ValueTask<ReadResult>(Result());
            }
        }

        LastReadWasImmediate = false;
        return new ValueTask<ReadResult>(this, _source.Version);
    }

    /// <summary>Starts a receive; true where it is done already.</summary>
    private bool Receive()
    {
        MakeRoom();
        _operation.SetBuffer(_buffer.Memory[_end..]);
        return !_socket.ReceiveAsync(_operation);
    }

    /// <summary>Takes in what was received; true where the reader has something to see.</summary>
    private bool Received()
    {
        int count = _operation.SocketError == SocketError.Success ? _operation.BytesTransferred : 0;
        if (count == 0)
        {
            _completed = true;
            return true;
        }

        _end += count;
        BytesReceived += count;
        _peak = Math.Max(_peak, _end - _start);
        return _end - _start >= _atLeast;
    }

    private void OnReceived()
    {
        // Not re-entered: the reader asks for more only after it has seen this.
        try
        {
            do
            {
                if (Received())
                {
                    _source.SetResult(Result());
                    return;
                }
            }
            while (Receive());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OutOfMemoryException)
        {
            _source.SetException(e);
        }
    }

    private ReadResult Result() =>
        new(new ReadOnlySequence<byte>(_buffer.Memory[_start.._end]), isCanceled: false, isCompleted: _completed);

    private int Offset(SequencePosition position)
    {
        // A sequence over one piece of memory counts in that piece.
        var sequence = new ReadOnlySequence<byte>(_buffer.Memory[_start.._end]);
        return _start + (position.GetInteger() - sequence.Start.GetInteger());
    }

    private void MakeRoom()
    {
        int held = _end - _start;
        int wanted = Math.Max(_buffer.Length, _atLeast);
        if (held == 0)
        {
            wanted = Math.Max(NextIdleSize(), _atLeast);
        }
        else if (held == _buffer.Length)
        {
            wanted = Math.Max(wanted, checked(_buffer.Length * 2));
        }

        if (wanted != _buffer.Length)
        {
            _buffer.Resize(wanted, _start, held);
            _end = held;
            _start = 0;
        }
        else if (_start > 0 && (_end == _buffer.Length || held <= _buffer.Length / 4 || _buffer.Length - _start < _atLeast))
        {
            _buffer.MoveToFront(_start, held);
            _end = held;
            _start = 0;
        }
    }

    /// <summary>The size for a buffer that holds nothing now: larger after it was filled, smaller when it was not needed for a while.</summary>
    private int NextIdleSize()
    {
        int size = _buffer.Length;
        if (_peak >= size && size < _comfortableSize)
        {
            size = Math.Min(_comfortableSize, size * 4);
        }
        else if (size > _comfortableSize)
        {
            size = _comfortableSize;
        }
        else if (++_reads >= ShrinkAfterReads)
        {
            _reads = 0;
            if (size > InitialSize && _peak * 8 < size)
            {
                size = Math.Max(InitialSize, size / 4);
            }

            _peak = 0;
            return size;
        }

        if (size != _buffer.Length)
        {
            _reads = 0;
            _peak = 0;
        }

        return size;
    }

    private sealed class ReceiveOperation(SocketPipeReader owner) : SocketAsyncEventArgs(true)
    {
        protected override void OnCompleted(SocketAsyncEventArgs e) => owner.OnReceived();
    }
}
