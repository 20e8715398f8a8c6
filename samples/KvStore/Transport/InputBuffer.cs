using System.Buffers;
using System.Runtime.InteropServices;

namespace KvStore.Transport;

/// <summary>
/// A connection's input memory: none at first, an array of the pool while it is small, native memory when a large value was announced: the kernel
/// backs of that only what really arrives, and it goes back at once.
/// </summary>
internal sealed unsafe class InputBuffer : MemoryManager<byte>
{
    private const int LargestArray = 256 * 1024;

    private byte[]? _array;
    private void* _native;

    public int Length { get; private set; }

    public override Memory<byte> Memory => _array is not null ? _array.AsMemory(0, Length) : CreateMemory(Length);

    public override Span<byte> GetSpan() => new(_native, Length);

    /// <summary>Changes the size and brings the bytes held to the front.</summary>
    public void Resize(int size, int start, int held)
    {
        byte[]? array = _array;
        void* native = _native;
        ReadOnlySpan<byte> old = array is not null ? array.AsSpan(start, held) : new ReadOnlySpan<byte>((byte*)native + start, held);
        _array = null;
        _native = null;
        Allocate(size);
        old.CopyTo(Memory.Span);
        Free(array, native);
    }

    /// <summary>Brings the bytes held to the front.</summary>
    public void MoveToFront(int start, int held)
    {
        Span<byte> all = Memory.Span;
        all.Slice(start, held).CopyTo(all);
    }

    public override MemoryHandle Pin(int elementIndex = 0) => new((byte*)_native + elementIndex);

    public override void Unpin()
    {
        // Native memory does not move.
    }

    /// <summary>Gives the memory back; <see cref="Resize"/> takes some again.</summary>
    public void Free()
    {
        Free(_array, _native);
        _array = null;
        _native = null;
        Length = 0;
    }

    protected override void Dispose(bool disposing) => Free();

    private void Allocate(int size)
    {
        if (size <= LargestArray)
        {
            _array = ArrayPool<byte>.Shared.Rent(size);
            Length = size;
        }
        else
        {
            _native = NativeMemory.Alloc((nuint)size);
            Length = size;
        }
    }

    private static void Free(byte[]? array, void* native)
    {
        if (array is not null)
        {
            ArrayPool<byte>.Shared.Return(array);
        }

        NativeMemory.Free(native);
    }
}
