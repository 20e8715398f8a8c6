namespace KvStore.Memory;

/// <summary>Blocks for replies on their way. The last one returned, still in the processor's cache, is handed out
/// first.</summary>
/// <remarks>For one thread. Pages and no arrays: an array that is given up stays until the collector looks.</remarks>
/// <param name="most">How many blocks are kept; what comes back beyond that goes back to the kernel at once.</param>
internal sealed unsafe class BlockPool(int most) : IDisposable
{
    /// <summary>Bytes of a usual block.</summary>
    public const int BlockSize = 64 * 1024;

    private readonly Stack<nint> _free = new(most);

    public Block Rent() => new(
        _free.TryPop(out nint pages) ? (byte*)pages : NativePages.Allocate(BlockSize, populate: true), BlockSize);

    /// <summary>A block of at least so many bytes: of the usual size, or for once of one of its own.</summary>
    public Block Rent(int atLeast) =>
        atLeast <= BlockSize ? Rent() : new Block(NativePages.Allocate(atLeast, populate: true), atLeast);

    public void Return(Block block)
    {
        if (block.Length == BlockSize && _free.Count < most)
        {
            _free.Push((nint)block.Start);
        }
        else
        {
            NativePages.Free(block.Start, block.Length);
        }
    }

    /// <summary>Gives back the blocks that are kept.</summary>
    public void Dispose()
    {
        while (_free.TryPop(out nint pages))
        {
            NativePages.Free((byte*)pages, BlockSize);
        }
    }
}

/// <summary>Memory for replies; it does not move.</summary>
internal readonly unsafe struct Block(byte* start, int length)
{
    public byte* Start { get; } = start;

    /// <summary>Bytes that it has; 0: there is no block.</summary>
    public int Length { get; } = length;

    public Span<byte> Span => new(Start, Length);
}
