namespace KvStore.Transport;

/// <summary>Blocks of one size for replies on their way. The last one returned, still in the processor's cache, is the first one handed out. For one thread.</summary>
/// <param name="most">How many blocks are kept; what comes back beyond that is left to the collector.</param>
internal sealed class BlockPool(int most)
{
    /// <summary>Bytes of a block.</summary>
    public const int BlockSize = 16 * 1024;

    private readonly Stack<byte[]> _free = new(most);

    public byte[] Rent() => _free.TryPop(out byte[]? block) ? block : GC.AllocateUninitializedArray<byte>(BlockSize);

    public void Return(byte[] block)
    {
        if (_free.Count < most)
        {
            _free.Push(block);
        }
    }
}
