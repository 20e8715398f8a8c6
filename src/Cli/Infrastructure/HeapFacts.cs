using GuestMemFs.Collections;

namespace GuestMemFs.Cli.Infrastructure;

/// <summary>A named entry of a heap.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Records">Records, where it is a dictionary.</param>
/// <param name="RecordBytes">What their blocks take.</param>
/// <param name="Expiring">How many of them carry an expiry time.</param>
internal sealed record RootFacts(string Name, long? Records, long? RecordBytes, long? Expiring);

/// <summary>What a heap says of itself, as far as that needs no walk.</summary>
/// <param name="Frontier">Bytes that were handed out at least once; the rest is fresh.</param>
/// <param name="Roots">Its named entries.</param>
internal sealed record HeapFacts(long Frontier, IReadOnlyList<RootFacts> Roots)
{
    /// <summary>Parts of a region that a survey tells apart, and how many slabs of each it looks into: enough for a picture, quick at any size.</summary>
    public const int SurveyCells = 128;
    public const int SlabsPerCell = 32;

    /// <summary>Reads a region's heap; null where the region never held one.</summary>
    /// <exception cref="HeapDamagedException">Its header does not check.</exception>
    public static HeapFacts? Read(PersistentArena arena, RegionInfo region)
    {
        if (region.Kind != RegionKind.Heap || !region.IsFormatted)
        {
            return null;
        }

        using PersistentRegion open = arena.OpenRegion(region.Name, RegionKind.Heap);
        PersistentHeap heap = PersistentHeap.Open(open);
        return new HeapFacts(heap.FrontierBytes, [.. heap.Roots.Select(name => Root(heap, name))]);
    }

    /// <summary>A heap opened for looking: never made, where there is none.</summary>
    public static PersistentHeap? TryOpen(PersistentRegion region) => region.IsReadOnly && region.Kind == RegionKind.Heap && region.IsFormatted ? PersistentHeap.Open(region) : null;

    private static RootFacts Root(PersistentHeap heap, string name)
    {
        DictionaryFigures? figures = DictionaryFigures.TryRead(heap, name); // Null for somebody else's structure: its name is all that can be told.
        return new RootFacts(name, figures?.Records, figures?.RecordBytes, figures?.Expiring);
    }
}
