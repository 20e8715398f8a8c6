using GuestMemFs.Arena;

namespace GuestMemFs.Heap;

/// <summary>A region as the memory under a heap.</summary>
internal sealed unsafe class RegionHeapSpace : IHeapSpace
{
    private readonly Lock _gate = new();
    private readonly List<PersistentRegion> _regions = [];
    private volatile PersistentRegion _region;

    public RegionHeapSpace(PersistentRegion region)
    {
        _region = region;
        _regions.Add(region);
        if (region.Kind != RegionKind.Heap)
        {
            throw new RegionKindException(region.Name, RegionKind.Heap, region.Kind);
        }
    }

    /// <summary>Adds an opening of the same mapping; false where the last of the others was disposed of.</summary>
    public bool TryJoin(PersistentRegion region)
    {
        lock (_gate)
        {
            bool open = _regions.Count > 0;
            if (open && !_regions.Contains(region))
            {
                _regions.Add(region);
            }

            return open;
        }
    }

    /// <summary>
    /// Takes an opening out. Before the last one goes, <paramref name="close"/> is done: what it throws keeps that one.
    /// </summary>
    public void Leave(PersistentRegion region, Action close)
    {
        lock (_gate)
        {
            if (!_regions.Contains(region))
            {
                return;
            }

            if (_regions.Count > 1)
            {
                _regions.Remove(region);
                _region = _regions[0];
                return;
            }
        }

        close();
        lock (_gate)
        {
            _regions.Remove(region);
        }
    }

    /// <summary>Does something where the opening is the last one.</summary>
    public void WhenLast(PersistentRegion region, Action action)
    {
        if (ReferenceEquals(_region, region))
        {
            action();
        }
    }

    public byte* Base => (byte*)_region.Address;

    public long Length => _region.Length;

    public long Follow() => _region.Follow();

    public string Name => _region.Name;

    public bool IsWritable => !_region.IsReadOnly;

    public ulong Epoch => _region.Arena.Epoch;

    public ulong Nonce => _region.Nonce;

    public Guid ArenaId => _region.Arena.Id;

    public UInt128 Seed => _region.Arena.Seed;

    /// <summary>What the arena knows of the region.</summary>
    public RegionInfo Describe() => _region.Arena.FindRegion(Name)
        ?? throw new ObjectDisposedException(nameof(PersistentRegion), $"Region '{Name}' was deleted.");

    public bool IsFormatted => _region.IsFormatted;

    public void MarkFormatted() => _region.MarkFormatted();

    public long PageSize => _region.Arena.Medium.Capabilities.PageSize;

    public RegionView MapAgain() => _region.Arena.MapAgain(_region.Mapping);

    public void EnsureBacked(long offset, long length) => _region.EnsureBacked(offset, length);

    public void FillHoles(long end) => _region.FillHoles(end);
}
