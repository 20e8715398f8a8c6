namespace GuestMemFs.Dumps;

/// <summary>Copies a region as it is looked at: while nobody writes it.</summary>
internal static class RegionCopy
{
    public static DumpInfo Run(ArenaInspection arena, string name, Stream to, bool torn,
        IProgress<DumpProgress>? progress, CancellationToken cancellationToken)
    {
        ArenaSnapshot it = arena.Read();
        RegionInfo info = it.Find(name)?.Info
            ?? throw new RegionNotFoundException(arena.Medium.Location, name, it.Regions.Count);
        using RegionReader region = arena.OpenRegion(name);
        DumpHeader header = new(it.Metadata.Superblock!.ArenaId, it.Epoch, DateTimeOffset.UtcNow, region.LengthBytes,
            region.UsedBytes, info.MaximumLength, info.Alignment, info.Kind, info.Reserve, info.IsFormatted, torn,
            name);
        DumpWriter writer = new(to, header);
        writer.WriteBlocks(header.Stored, region.Read, progress, cancellationToken);
        writer.End();
        return DumpInfo.Of(header, trailer: null, writer.Written);
    }
}
