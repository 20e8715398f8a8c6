using System.Runtime.CompilerServices;

namespace GuestMemFs.Heap;

/// <summary>
/// Objects that were freed while readers were among them: their memory is used for nothing else until each lease that
/// was open then has ended. To a crash they are free: nothing of this is on the medium.
/// </summary>
/// <remarks>
/// A reader opens its lease before it follows a field. A writer makes the field lead elsewhere, and then asks whether
/// a lease is open. So a reader that came by the field has one that the writer sees.
/// </remarks>
internal sealed class KeptObjects
{
    private readonly Lock _lock = new();
    private readonly Queue<Kept> _kept = [];
    private readonly Dictionary<long, long> _sizes = [];
    private readonly SortedSet<long> _leases = [];
    private long _last;
    private int _count;

    /// <summary>True while an object is kept.</summary>
    public bool HasAny => Volatile.Read(ref _count) != 0;

    /// <summary>Begins a lease; its number.</summary>
    public long Begin()
    {
        lock (_lock)
        {
            _leases.Add(++_last);
            return _last;
        }
    }

    public void End(long lease)
    {
        lock (_lock)
        {
            _leases.Remove(lease);
        }
    }

    /// <summary>Gives a freed object's memory back, or keeps it; gives what is kept for no lease any more.</summary>
    public void Give(BlockAllocator blocks, Lane lane, long block, long size)
    {
        lock (_lock)
        {
            if (_leases.Count > 0)
            {
                _kept.Enqueue(new Kept(block, size, _last));
                _sizes[block] = size;
                Volatile.Write(ref _count, _kept.Count);
                return;
            }
        }

        blocks.Give(lane, block, size);
        GiveDue(blocks, lane);
    }

    /// <summary>Gives back what is kept for no lease any more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void GiveDue(BlockAllocator blocks, Lane lane)
    {
        if (HasAny)
        {
            GiveDueOf(blocks, lane);
        }
    }

    /// <summary>The bytes of an object that is kept; false where there is none.</summary>
    public bool TryFind(long block, out long size)
    {
        size = 0;
        if (!HasAny)
        {
            return false;
        }

        lock (_lock)
        {
            return _sizes.TryGetValue(block, out size);
        }
    }

    private void GiveDueOf(BlockAllocator blocks, Lane lane)
    {
        lock (_lock)
        {
            long first = _leases.Count > 0 ? _leases.Min : long.MaxValue;
            while (_kept.TryPeek(out Kept kept) && kept.LastLease < first)
            {
                _kept.Dequeue();
                _sizes.Remove(kept.Block);
                blocks.Give(lane, kept.Block, kept.Size);
            }

            Volatile.Write(ref _count, _kept.Count);
        }
    }

    private readonly record struct Kept(long Block, long Size, long LastLease);
}
