using GuestMemFs.Arena;

namespace GuestMemFs.Heap;

/// <summary>
/// A region as the memory under a heap: of all its openings in an arena object, until the last of them is closed.
/// </summary>
internal sealed unsafe class RegionHeapSpace : IHeapSpace
{
    private readonly Lock _gate = new();
    private readonly List<PersistentRegion> _openings;
    private readonly PersistentArena _arena;
    private readonly RegionMapping _mapping;

    public RegionHeapSpace(PersistentRegion region)
    {
        if (region.Kind != RegionKind.Heap)
        {
            throw new RegionKindException(region.Name, RegionKind.Heap, region.Kind);
        }

        _openings = [region];
        _arena = region.Arena;
        _mapping = region.Mapping;
    }

    /// <summary>
    /// Adds an opening of the same mapping; false where the last of the others was closed. Waits for one that closes.
    /// </summary>
    /// <param name="region">The opening.</param>
    /// <param name="isNew">False for one that is in already.</param>
    public bool TryJoin(PersistentRegion region, out bool isNew)
    {
        lock (_gate)
        {
            bool open = _openings.Count > 0;
            isNew = !_openings.Contains(region);
            if (open && isNew)
            {
                _openings.Add(region);
            }

            return open;
        }
    }

    /// <summary>Takes an opening out.</summary>
    /// <param name="region">The opening.</param>
    /// <param name="close">
    /// Done before the last one goes: what it throws keeps that one. It is told whether the memory is this arena
    /// object's still: where that was let go of, another writer may have it.
    /// </param>
    public void Leave(PersistentRegion region, Action<bool> close)
    {
        lock (_gate)
        {
            if (_openings is [var last] && ReferenceEquals(last, region))
            {
                close(!_arena.IsDisposed);
            }

            _openings.Remove(region);
        }
    }

    /// <summary>Does something where no opening is left.</summary>
    public void WhenNoneIsLeft(Action action)
    {
        lock (_gate)
        {
            if (_openings.Count == 0)
            {
                action();
            }
        }
    }

    public byte* Base => (byte*)_mapping.Address;

    public long Length => _mapping.Length;

    public long Follow() => _arena.IsReadOnly ? _arena.Follow(_mapping) : Length;

    public string Name => _mapping.Entry.Name;

    public bool IsWritable => _mapping.IsWritable;

    public ulong Epoch => _arena.Epoch;

    public ulong Nonce => _mapping.Entry.Nonce;

    public Guid ArenaId => _arena.Id;

    public UInt128 Seed => _arena.Seed;

    /// <summary>What the arena knows of the region.</summary>
    public RegionInfo Describe() => _arena.FindRegion(Name)
        ?? throw new ObjectDisposedException(nameof(PersistentRegion), $"Region '{Name}' was deleted.");

    public bool IsFormatted => _mapping.Entry.Formatted;

    public void MarkFormatted() => _arena.MarkFormatted(_mapping);

    public long PageSize => _arena.Medium.Capabilities.PageSize;

    public RegionView MapAgain() => _arena.MapAgain(_mapping);

    public void EnsureBacked(long offset, long length) => _arena.EnsureBacked(_mapping, offset, length);

    public (long Offset, long Length) FirstHeld(long offset, long length) =>
        _arena.FirstHeld(_mapping, offset, length);

    public void FillHoles(long end) => _arena.FillHoles(_mapping, end);
}
