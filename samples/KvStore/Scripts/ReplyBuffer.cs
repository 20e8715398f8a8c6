using System.IO.Pipelines;
using System.Runtime.InteropServices;

namespace KvStore.Scripts;

/// <summary>A pipe that nobody reads from: what is written to it lies in one piece of memory.</summary>
internal sealed unsafe class ReplyBuffer : PipeWriter, IDisposable
{
    private const int Smallest = 4 * 1024;

    /// <summary>More is given back when the reply has been looked at.</summary>
    private const int LargestKept = 64 * 1024;

    private byte* _bytes;
    private int _capacity;
    private int _used;

    public ReadOnlySpan<byte> Span => new(_bytes, _used);

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _used;

    /// <summary>Forgets what was written.</summary>
    public void Clear()
    {
        _used = 0;
        if (_capacity > LargestKept)
        {
            Dispose();
        }
    }

    public override void Advance(int bytes) => _used += bytes;

    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        int needed = checked(_used + Math.Max(sizeHint, 1));
        if (needed > _capacity)
        {
            int capacity = (int)Math.Min(Array.MaxLength, Math.Max(Math.Max(needed, Smallest), _capacity * 2L));
            _bytes = (byte*)NativeMemory.Realloc(_bytes, (nuint)capacity);
            _capacity = capacity;
        }

        return new Span<byte>(_bytes + _used, _capacity - _used);
    }

    public override Memory<byte> GetMemory(int sizeHint = 0) => throw new NotSupportedException("Ask for a span.");

    public override void CancelPendingFlush() => throw new NotSupportedException("Nothing is flushed.");

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("Nothing is flushed.");

    public override void Complete(Exception? exception = null) => Dispose();

    public void Dispose()
    {
        NativeMemory.Free(_bytes);
        _bytes = null;
        _capacity = _used = 0;
    }
}
