namespace GuestMemFs.Heap;

/// <summary>A region as the memory under a heap.</summary>
internal sealed unsafe class RegionHeapSpace : IHeapSpace
{
    private readonly PersistentRegion _region;

    public RegionHeapSpace(PersistentRegion region)
    {
        _region = region;
        if (region.Kind != RegionKind.Heap)
        {
            throw new RegionKindException(region.Name, RegionKind.Heap, region.Kind);
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

    public bool IsFormatted => _region.IsFormatted;

    public void MarkFormatted() => _region.MarkFormatted();

    public void EnsureBacked(long offset, long length) => _region.EnsureBacked(offset, length);

    public void FillHoles(long end) => _region.FillHoles(end);
}
