using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// Walks the entries of roots: 64 in the header page, then those of further blocks, each of which leads to the next.
/// </summary>
/// <remarks>What leads to a block is one sealed word, so that 255 entries come with one store.</remarks>
internal unsafe struct RootEntries(IHeapSpace space)
{
    /// <summary>Bytes of a further block: a line with its header, then entries.</summary>
    public const int BlockSize = 16 << 10;

    private const int NextOffset = 8;
    private const int EntriesOffset = HeapFormat.RootLength;
    private const int EntriesOfBlock = (BlockSize - EntriesOffset) / HeapFormat.RootLength;

    private readonly byte* _base = space.Base;
    private long _next = HeapFormat.RootsOffset;
    private int _left = HeapFormat.RootCount;
    private long _link = HeapFormat.MoreRootsOffset;
    private long _blocks;

    /// <summary>Where the entry lies.</summary>
    public byte* Current { readonly get; private set; }

    /// <summary>The header of a further block.</summary>
    public static ulong Header => BlockHeader.Sized(BlockHeader.TypeRoots, BlockSize);

    /// <summary>Behind the last entry: the word that will lead to a further block.</summary>
    public readonly long Link => _link;

    /// <summary>True where further blocks may be there.</summary>
    public static bool MayHaveMore(IHeapSpace space) =>
        (*(ulong*)(space.Base + HeapFormat.IncompatOffset) & HeapFormat.ManyRoots) != 0;

    /// <summary>Offsets of the further blocks.</summary>
    public static IEnumerable<long> Blocks(IHeapSpace space)
    {
        long link = HeapFormat.MoreRootsOffset;
        for (long count = 0; BlockAt(space, link, count) is not 0 and var block; count++)
        {
            yield return block;
            link = block + NextOffset;
        }
    }

    /// <summary>True where an offset lies within the entries of a further block.</summary>
    public static bool AreAt(IHeapSpace space, long offset)
    {
        long link = HeapFormat.MoreRootsOffset;
        for (long count = 0; BlockAt(space, link, count) is not 0 and var block; count++)
        {
            if (offset >= block + EntriesOffset && offset < block + BlockSize)
            {
                return true;
            }

            link = block + NextOffset;
        }

        return false;
    }

    /// <exception cref="HeapDamagedException">What leads to a further block does not check.</exception>
    public bool MoveNext()
    {
        if (_left == 0)
        {
            long block = BlockAt(space, _link, _blocks++);
            if (block == 0)
            {
                return false;
            }

            _next = block + EntriesOffset;
            _left = EntriesOfBlock;
            _link = block + NextOffset;
        }

        Current = _base + _next;
        _next += HeapFormat.RootLength;
        _left--;
        return true;
    }

    // The block that a word leads to, 0 for none. A chain that is longer than the heap leads back into itself.
    private static long BlockAt(IHeapSpace space, long link, long before)
    {
        if (!MayHaveMore(space))
        {
            return 0;
        }

        ulong word = Volatile.Read(ref *(ulong*)(space.Base + link));
        bool intact = SealedOffset.TryOpen(word, link, out long block) && before * BlockSize < space.Length
            && (block == 0 || (IsInside(space, block) && *(ulong*)(space.Base + block) == Header));
        return Guard.Holds(intact) ? block
            : throw new HeapDamagedException(space.Name, link, "what leads to further roots does not check");
    }

    private static bool IsInside(IHeapSpace space, long block) =>
        block > 0 && (block & (HeapFormat.RootLength - 1)) == 0
        && (block <= space.Length - BlockSize || block <= space.Follow() - BlockSize);
}
