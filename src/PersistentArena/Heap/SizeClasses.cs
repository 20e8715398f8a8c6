using System.Numerics;
using System.Runtime.CompilerServices;

namespace GuestMemFs.Heap;

/// <summary>
/// Sizes of small blocks: steps of 16 bytes up to 256, then eight steps a doubling up to 128 KiB, so that a block is at
/// most an eighth larger than asked for (and never by more than 16 bytes below 256). Larger blocks are runs of pages.
/// </summary>
internal static class SizeClasses
{
    public const int Granule = 16;
    private const int LinearClasses = 16;
    private const int LinearLimit = 256;
    private const int Doublings = 9;

    public const int Count = LinearClasses + (8 * Doublings);
    public const long Largest = LinearLimit << Doublings;

    private static readonly byte[] s_smallSlabPages = [.. Enumerable.Range(0, Count).Select(FewestPagesWithLittleOver)];

    /// <summary>The class for a size of 1 to <see cref="Largest"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ClassOf(long size)
    {
        uint last = (uint)size - 1;
        if (last < LinearLimit)
        {
            return (int)(last >> 4);
        }

        int log = BitOperations.Log2(last);
        return LinearClasses + ((log - 8) * 8) + (int)(last >> (log - 3)) - 8;
    }

    /// <summary>The size of a class's blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long SizeOf(int sizeClass)
    {
        if (sizeClass < LinearClasses)
        {
            return (sizeClass + 1) * Granule;
        }

        int step = sizeClass - LinearClasses;
        return (long)((step & 7) + 9) << ((step >> 3) + 5);
    }

    /// <summary>The pages of a slab of a class that has many: enough for at least fourteen blocks.</summary>
    public static int SlabPages(int sizeClass)
    {
        long size = SizeOf(sizeClass);
        return size <= 4096 ? 1 : size <= 32 * 1024 ? 8 : 32;
    }

    /// <summary>
    /// The pages of a slab of a class that has few: the fewest of which at most a sixteenth is left over behind the
    /// last block, or a thirty-second of blocks to 8 KiB.
    /// </summary>
    public static int SmallSlabPages(int sizeClass) => s_smallSlabPages[sizeClass];

    /// <summary>The fewest pages that a slab of the class can have.</summary>
    public static int FewestSlabPages(int sizeClass) => SizeOf(sizeClass) <= HeapFormat.PageSize ? 1 : 2;

    /// <summary>The blocks of a slab of so many pages.</summary>
    public static int SlabBlocks(int sizeClass, long pages) => (int)(pages * HeapFormat.PageSize / SizeOf(sizeClass));

    /// <summary>What a block of that many bytes takes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Taken(long size) =>
        size <= Largest ? SizeOf(ClassOf(size)) : (size + HeapFormat.PageSize - 1) & ~(HeapFormat.PageSize - 1);

    private static byte FewestPagesWithLittleOver(int sizeClass)
    {
        long size = SizeOf(sizeClass);
        int share = size > 8192 ? 16 : size > 4096 ? 32 : 1;
        int pages = FewestSlabPages(sizeClass);
        while (pages * HeapFormat.PageSize % size * share > pages * HeapFormat.PageSize)
        {
            pages++;
        }

        return (byte)pages;
    }
}
