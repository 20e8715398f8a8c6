using System.Runtime.InteropServices;

namespace KvStore.Memory;

/// <summary>
/// Bytes that are appended one behind the other and dropped all at once: an array while they are few, then pages,
/// which grow without a copy and go back to the kernel at once.
/// </summary>
internal sealed unsafe class GrowingBuffer : IDisposable
{
    private const int Smallest = 256;
    private const int LargestArray = 32 * 1024;

    private byte[]? _array;
    private byte* _pages;

    /// <summary>Bytes appended.</summary>
    public int Length { get; private set; }

    /// <summary>Bytes of memory taken.</summary>
    public int Capacity { get; private set; }

    public Span<byte> Span => _array is not null ? _array.AsSpan(0, Length) : new Span<byte>(_pages, Length);

    /// <summary>A buffer that holds these bytes already.</summary>
    /// <inheritdoc cref="Append" path="/exception"/>
    public static GrowingBuffer Of(ReadOnlySpan<byte> bytes)
    {
        var buffer = new GrowingBuffer();
        bytes.CopyTo(buffer.Append(bytes.Length));
        return buffer;
    }

    /// <summary>Appends so many bytes, which are the caller's to fill.</summary>
    /// <exception cref="InsufficientMemoryException">There is no memory for them; what is there is as it
    /// was.</exception>
    public Span<byte> Append(int length)
    {
        long needed = (long)Length + length;
        if (needed > Capacity)
        {
            Grow(needed);
        }

        int start = Length;
        Length = (int)needed;
        return Span[start..];
    }

    /// <summary>Appends a value.</summary>
    public void Add<T>(T value)
        where T : unmanaged =>
        MemoryMarshal.Write(Append(sizeof(T)), value);

    /// <summary>The values appended, where all of them are of this type.</summary>
    public Span<T> Values<T>()
        where T : unmanaged =>
        MemoryMarshal.Cast<byte, T>(Span);

    /// <summary>Drops what was appended behind so many bytes; the memory stays.</summary>
    public void CutTo(int length) => Length = Math.Min(Length, length);

    /// <summary>Gives the memory back; it may be used again.</summary>
    public void Dispose()
    {
        if (_pages is not null)
        {
            NativePages.Free(_pages, Capacity);
        }

        _pages = null;
        _array = null;
        Length = Capacity = 0;
    }

    private void Grow(long needed)
    {
        if (needed > Array.MaxLength)
        {
            throw new InsufficientMemoryException($"A buffer takes {Array.MaxLength} bytes, and not {needed}.");
        }

        int capacity = (int)Math.Min(Math.Max(Math.Max(needed, Smallest), Capacity * 2L), Array.MaxLength);
        if (capacity <= LargestArray)
        {
            Array.Resize(ref _array, capacity);
        }
        else if (_pages is not null)
        {
            _pages = NativePages.Resize(_pages, Capacity, capacity);
        }
        else
        {
            _pages = NativePages.Allocate(capacity);
            _array?.AsSpan(0, Length).CopyTo(new Span<byte>(_pages, Length));
            _array = null;
        }

        Capacity = capacity;
    }
}
