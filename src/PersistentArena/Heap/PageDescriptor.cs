using System.Numerics;

namespace GuestMemFs.Heap;

internal enum PageKind : byte
{
    /// <summary>Not a descriptor.</summary>
    None = 0,

    /// <summary>First page of a slab of equal blocks.</summary>
    Slab = 1,

    /// <summary>First page of a run: one block, or free where the block's header is.</summary>
    Run = 2,

    /// <summary>A later page of a slab.</summary>
    Continuation = 3,
}

/// <summary>
/// What a page is, in one word, so that it changes with one store: kind, size class, a count (pages of a run or slab,
/// distance to a slab's first page), and a 16-bit check over these and the page's number.
/// </summary>
internal readonly record struct PageDescriptor(PageKind Kind, int SizeClass, long Count)
{
    /// <summary>Bytes of each block of a slab; of a run, which is one block, all its bytes.</summary>
    public long BlockSize => Kind == PageKind.Slab ? SizeClasses.SizeOf(SizeClass) : Count << HeapFormat.PageShift;

    /// <summary>The blocks of a slab; a run is one.</summary>
    public int Blocks => Kind == PageKind.Slab ? SizeClasses.SlabBlocks(SizeClass, Count) : 1;

    public static PageDescriptor Slab(int sizeClass, long pages) => new(PageKind.Slab, sizeClass, pages);

    public static PageDescriptor Run(long pages) => new(PageKind.Run, 0, pages);

    public static PageDescriptor Continuation(long distance) => new(PageKind.Continuation, 0, distance);

    public ulong Encode(long page)
    {
        ulong body = (ulong)Kind | ((ulong)SizeClass << 8) | ((ulong)Count << 16);
        return body | ((ulong)Check(body, page) << 48);
    }

    /// <summary>Reads a descriptor; false where the word is none, or is damaged.</summary>
    public static bool TryDecode(ulong word, long page, out PageDescriptor descriptor)
    {
        ulong body = word & 0x0000_FFFF_FFFF_FFFF;
        descriptor = new PageDescriptor((PageKind)(byte)body, (byte)(body >> 8), (long)(body >> 16));
        return (ushort)(word >> 48) == Check(body, page)
            && descriptor.Kind is PageKind.Slab or PageKind.Run or PageKind.Continuation
            && descriptor.Count > 0
            && descriptor.SizeClass < SizeClasses.Count;
    }

    private static ushort Check(ulong body, long page)
    {
        uint crc = BitOperations.Crc32C(BitOperations.Crc32C(0x4750_4147, body), (ulong)page);
        return (ushort)(crc ^ (crc >> 16));
    }
}
