namespace GuestMemFs.Heap;

/// <summary>In place of the library's: the lab's memory is there already, and a thread of the pool is none of the
/// scheduler's.</summary>
internal sealed class BackingAhead(IHeapSpace space)
{
    public long Requested { get; private set; }

    public void Request(long offset, long length) => Requested += offset + length <= space.Length ? length : 0;
}
