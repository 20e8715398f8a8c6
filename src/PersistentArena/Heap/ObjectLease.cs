using GuestMemFs.Heap;

namespace GuestMemFs;

/// <summary>
/// While it is not disposed of, what was read of a heap's objects stays as it was, whatever other threads free:
/// <see cref="PersistentHeap.ProtectObjects"/>.
/// </summary>
public sealed class ObjectLease : IDisposable
{
    private readonly KeptObjects _kept;
    private readonly long _number;
    private int _ended;

    internal ObjectLease(KeptObjects kept)
    {
        _kept = kept;
        _number = kept.Begin();
    }

    /// <summary>Ends it. What was freed meanwhile is used again.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            _kept.End(_number);
        }
    }
}
