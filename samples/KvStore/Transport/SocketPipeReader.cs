using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Numerics;
using System.Threading.Tasks.Sources;
using KvStore.Memory;

namespace KvStore.Transport;

/// <summary>
/// A <see cref="PipeReader"/> over a socket whose buffer is always one contiguous piece, so that parsers see one span.
/// </summary>
/// <remarks>
/// <para>There is a buffer only from the moment the socket is readable until all of it is consumed: idle connections
/// hold none. It doubles while it is full. <see cref="PipeReader.ReadAtLeastAsync"/> makes it as large as asked at
/// once, so a value whose length was announced is received where it stays; such memory is native and the kernel backs
/// only what arrives.</para>
/// <para>One receive each time the socket is readable: what did not fit makes it readable again. Belongs to the loop's
/// thread; one reader, one outstanding read.</para>
/// </remarks>
internal sealed class SocketPipeReader : PipeReader, IValueTaskSource<ReadResult>, IDisposable
{
    private const int SmallestBuffer = 256;

    private readonly Func<bool> _count;
    private readonly Socket _socket;
    private readonly int _usualSize;
    private readonly InputBuffer _buffer;
    private Waiter _waiter;
    private OutOfMemoryException? _noRoom;
    private int _start;
    private int _end;
    private int _atLeast;
    private bool _examinedAll = true;
    private bool _completed;
    private bool _canceled;

    /// <param name="count">Called when it takes more memory, or less; false where that is too much.</param>
    /// <param name="socket">The socket, not blocking; the caller disposes it.</param>
    /// <param name="pages">Where it takes memory for large requests from.</param>
    /// <param name="usualSize">Bytes of the buffer for small requests.</param>
    public SocketPipeReader(Func<bool> count, Socket socket, PagePool pages, int usualSize)
    {
        _count = count;
        _buffer = new InputBuffer(pages);
        _socket = socket;
        _usualSize = usualSize;
    }

    /// <summary>Bytes received in all.</summary>
    public long BytesReceived { get; private set; }

    /// <summary>
    /// Bytes copied inside of the buffer, or from one to the next. In proportion to what was received.
    /// </summary>
    public long BytesMoved { get; private set; }

    /// <summary>Bytes of memory that the buffer takes.</summary>
    public int Taken => _buffer.Taken;

    /// <summary>Bytes of buffer held.</summary>
    public int BufferSize => _buffer.Length;

    /// <summary>Bytes received and not consumed.</summary>
    public ReadOnlySpan<byte> Unread => _buffer.Memory.Span[_start.._end];

    /// <summary>True where nothing more will come.</summary>
    public bool Ended => _completed;

    /// <summary>Takes over what another process has received. Before the first read.</summary>
    internal void Inherit(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.IsEmpty)
        {
            Resize(Math.Max(SmallestBuffer, bytes.Length));
            bytes.CopyTo(_buffer.Memory.Span);
            _end = bytes.Length;
            _buffer.Written(_end);
            _examinedAll = false;
            _ = _count();
        }
    }

    public override bool TryRead(out ReadResult result)
    {
        result = Result();
        return (!_examinedAll && _end > _start) || _completed;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => Read(1);

    protected override ValueTask<ReadResult> ReadAtLeastAsyncCore(int minimumSize,
        CancellationToken cancellationToken) => Read(minimumSize);

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        _examinedAll = Offset(examined) == _end;
        _start = Offset(consumed);
        if (_start == _end)
        {
            Dispose();
        }
    }

    /// <summary>The read that waits, or the next one, ends with what there is.</summary>
    public override void CancelPendingRead()
    {
        _canceled = true;
        _waiter.Complete();
    }

    public override void Complete(Exception? exception = null) => Dispose();

    /// <summary>The socket is readable, or broken: receives once, and completes the read that waits for it.</summary>
    internal void Receive()
    {
        if (!_waiter.IsWaiting)
        {
            return;
        }

        try
        {
            MakeRoom();
        }
        catch (OutOfMemoryException e)
        {
            _noRoom = e;
            _waiter.Complete();
            return;
        }

        int count = _socket.Receive(_buffer.Memory.Span[_end..], SocketFlags.None, out SocketError error);
        if (error is SocketError.WouldBlock or SocketError.Interrupted)
        {
            return;
        }

        if (error != SocketError.Success || count == 0)
        {
            End();
            return;
        }

        _end += count;
        BytesReceived += count;
        _buffer.Written(_end);
        if (_end - _start >= _atLeast)
        {
            _waiter.Complete();
        }
        else if (!_count())
        {
            End();
        }
    }

    /// <summary>Nothing more will come: the read that waits, and every later one, is told so.</summary>
    internal void End()
    {
        _completed = true;
        _waiter.Complete();
    }

    /// <summary>Gives the buffer back; a later receive takes one again.</summary>
    public void Dispose()
    {
        _start = _end = 0;
        _buffer.Free();
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token) =>
        _noRoom is null ? Result() : throw new InsufficientMemoryException(_noRoom.Message, _noRoom);

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _waiter.Status;

    void IValueTaskSource<ReadResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _waiter.OnCompleted(continuation, state);

    private ValueTask<ReadResult> Read(int atLeast)
    {
        _atLeast = Math.Max(1, atLeast);
        int held = _end - _start;
        if (_completed || _canceled || (!_examinedAll && held >= _atLeast))
        {
            return new ValueTask<ReadResult>(Result());
        }

        if (held > 0 && held <= _buffer.Length / 4 && _buffer.Length <= _usualSize)
        {
            // A request that stopped in the middle may take its time: it waits in little.
            Resize(Math.Max(SmallestBuffer, (int)BitOperations.RoundUpToPowerOf2((uint)held)));
            _ = _count();
        }

        _waiter.Begin();
        return new ValueTask<ReadResult>(this, 0);
    }

    private ReadResult Result()
    {
        bool canceled = _canceled;
        _canceled = false;
        return new ReadResult(new ReadOnlySequence<byte>(_buffer.Memory[_start.._end]), canceled, _completed);
    }

    private int Offset(SequencePosition position)
    {
        // A sequence over one piece of memory counts in that piece.
        var sequence = new ReadOnlySequence<byte>(_buffer.Memory[_start.._end]);
        return _start + (position.GetInteger() - sequence.Start.GetInteger());
    }

    private void MakeRoom()
    {
        int held = _end - _start;
        int wanted = Math.Max(_buffer.Length, Math.Max(_usualSize, _atLeast));
        if (_buffer.Length > 0 && (_atLeast > _buffer.Length || held == wanted))
        {
            // At least doubled, however little more is asked for: what is held is moved each time, and may be large.
            wanted = Math.Max(wanted, (int)Math.Min(_buffer.Length * 2L, Array.MaxLength));
        }

        if (wanted != _buffer.Length)
        {
            Resize(wanted);
        }
        else if (_start > 0
            && (_end == _buffer.Length || held <= _buffer.Length / 4 || _buffer.Length - _start < _atLeast))
        {
            BytesMoved += held;
            _buffer.MoveToFront(_start, held);
            _start = 0;
            _end = held;
        }
    }

    private void Resize(int size)
    {
        int held = _end - _start;
        BytesMoved += held;
        _buffer.Resize(size, _start, held);
        _start = 0;
        _end = held;
    }
}
