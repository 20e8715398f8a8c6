using System.Buffers;
using KvStore.Memory;

namespace KvStore.Transport;

/// <summary>
/// A connection's input memory: none at first, an array of the pool while it is small, native memory when a large value
/// was announced: the kernel backs of that only what really arrives, and it goes back at once.
/// </summary>
internal sealed unsafe class InputBuffer(PagePool pool) : MemoryManager<byte>
{
    private const int LargestArray = 256 * 1024;

    private byte[]? _array;
    private byte* _native;
    private int _written;

    public int Length { get; private set; }

    /// <summary>Bytes of memory that it takes.</summary>
    public int Taken => _array is not null ? Length : _written;

    public override Memory<byte> Memory => _array is not null ? _array.AsMemory(0, Length) : CreateMemory(Length);

    public override Span<byte> GetSpan() => new(_native, Length);

    /// <summary>Changes the size and brings the bytes held to the front.</summary>
    /// <exception cref="InsufficientMemoryException">There is no memory for it; the bytes are as they were.</exception>
    public void Resize(int size, int start, int held)
    {
        size = size > LargestArray ? PagePool.LengthFor(size) : size;
        if (_native is not null && size > LargestArray)
        {
            MoveToFront(start, held);
            _native = NativePages.Resize(_native, Length, size);
            Length = size;
            return;
        }

        byte[]? array = size <= LargestArray ? ArrayPool<byte>.Shared.Rent(size) : null;
        byte* native = array is null ? pool.Rent(size) : null;
        Memory.Span.Slice(start, held).CopyTo(array is null ? new Span<byte>(native, size) : array);
        Free();
        _array = array;
        _native = native;
        Length = size;
    }

    /// <summary>Bytes were written up to here.</summary>
    public void Written(int end) => _written = Math.Max(_written, end);

    /// <summary>Brings the bytes held to the front.</summary>
    public void MoveToFront(int start, int held)
    {
        Span<byte> all = Memory.Span;
        all.Slice(start, held).CopyTo(all);
    }

    public override MemoryHandle Pin(int elementIndex = 0) => new(_native + elementIndex);

    public override void Unpin()
    {
        // Native memory does not move.
    }

    /// <summary>Gives the memory back; <see cref="Resize"/> takes some again.</summary>
    public void Free()
    {
        if (_array is not null)
        {
            ArrayPool<byte>.Shared.Return(_array);
        }
        else if (_native is not null)
        {
            pool.Return(_native, Length);
        }

        _array = null;
        _native = null;
        Length = 0;
        _written = 0;
    }

    protected override void Dispose(bool disposing) => Free();
}
