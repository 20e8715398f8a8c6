using System.Numerics;

namespace KvStore.Memory;

/// <summary>Pages for large requests. One of each size up to 4 MiB is kept: new ones cost more than to fill
/// them.</summary>
/// <remarks>For one thread.</remarks>
internal sealed unsafe class PagePool : IDisposable
{
    private const int LargestKept = 4 * 1024 * 1024;

    private readonly nint[] _kept = new nint[BitOperations.Log2(LargestKept) + 1];

    /// <summary>How many bytes are taken where so many are asked for.</summary>
    public static int LengthFor(int size) =>
        size <= LargestKept ? (int)BitOperations.RoundUpToPowerOf2((uint)size) : size;

    /// <param name="length">What <see cref="LengthFor"/> says.</param>
    public byte* Rent(int length)
    {
        if (length <= LargestKept)
        {
            ref nint kept = ref _kept[BitOperations.Log2((uint)length)];
            if (kept != 0)
            {
                var pages = (byte*)kept;
                kept = 0;
                return pages;
            }
        }

        return NativePages.Allocate(length);
    }

    public void Return(byte* pages, int length)
    {
        if (length <= LargestKept && _kept[BitOperations.Log2((uint)length)] == 0)
        {
            _kept[BitOperations.Log2((uint)length)] = (nint)pages;
        }
        else
        {
            NativePages.Free(pages, length);
        }
    }

    /// <summary>Gives back what is kept.</summary>
    public void Dispose()
    {
        for (int i = 0; i < _kept.Length; i++)
        {
            if (_kept[i] != 0)
            {
                NativePages.Free((byte*)_kept[i], 1 << i);
                _kept[i] = 0;
            }
        }
    }
}
