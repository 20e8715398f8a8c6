using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KvStore.Memory;

namespace KvStore.Protocol;

/// <summary>
/// Where the arguments of parsed frames lie: few in an array that is kept, many in memory that is not.
/// </summary>
/// <remarks>A part of <see cref="RequestParser"/>, which has the only one; never copied.</remarks>
internal struct SliceList : IDisposable
{
    /// <summary>Room for the arguments of a pipelined batch is kept; that of one huge command is not, nor an
    /// array.</summary>
    private const int Kept = 256;

    private Slice[] _few = new Slice[8];
    private GrowingBuffer? _many; // in place of the array, where they are more
    private int _count;

    public SliceList()
    {
    }

    public readonly int Count => _count;

    public readonly Span<Slice> Span => _many is null ? _few : _many.Values<Slice>();

    /// <summary>Bytes that it takes.</summary>
    public readonly long Capacity => ((long)_few.Length * Unsafe.SizeOf<Slice>()) + (_many?.Capacity ?? 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(Slice slice)
    {
        if (_count < _few.Length && _many is null)
        {
            _few[_count++] = slice;
        }
        else
        {
            AddToMore(slice);
        }
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        _count = 0;
        if (_many is not null)
        {
            Dispose();
        }
    }

    /// <summary>Forgets the first ones.</summary>
    public void DropFirst(int count)
    {
        Span[count.._count].CopyTo(Span);
        _count -= count;
        _many?.CutTo(_count * Unsafe.SizeOf<Slice>());
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        _many?.Dispose();
        _many = null;
        _count = 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddToMore(Slice slice)
    {
        if (_few.Length < Kept)
        {
            Array.Resize(ref _few, _few.Length * 2);
            _few[_count++] = slice;
            return;
        }

        _many ??= GrowingBuffer.Of(MemoryMarshal.AsBytes(_few.AsSpan(0, _count)));
        _many.Add(slice);
        _count++;
    }
}
