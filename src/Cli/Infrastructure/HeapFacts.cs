using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Heap;

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
internal sealed unsafe record HeapFacts(long Frontier, IReadOnlyList<RootFacts> Roots)
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

    /// <summary>A root's figures, where it is a dictionary. What leads there is checked first: these bytes may be damaged, and a load from anywhere ends the tool.</summary>
    private static RootFacts Root(PersistentHeap heap, string name)
    {
        long slot = new HeapRoots(heap.Space).Find(Encoding.UTF8.GetBytes(name), out ulong layout);
        if (slot == 0 || layout != DictionaryFormat.Layout)
        {
            return new RootFacts(name, null, null, null); // Somebody else's structure (or gone this moment): its name is all that can be told.
        }

        long root = Follow(heap, slot, DictionaryFormat.Size, BlockHeader.TypeDictionary);
        long current = Follow(heap, root + DictionaryFormat.CurrentOffset, Table.Size, BlockHeader.TypeTable);
        var table = new Table(heap.Base, current);
        return new RootFacts(name, table.Sum(0), table.Sum(1), table.Sum(2));
    }

    private static long Follow(PersistentHeap heap, long at, long length, byte type)
    {
        long offset = *(long*)heap.At(at);
        return offset >= HeapFormat.FirstPage << HeapFormat.PageShift && offset % SizeClasses.Granule == 0 && offset <= heap.FrontierBytes - length
            && BlockHeader.TypeOf(*(ulong*)heap.At(offset)) == type
            ? offset
            : throw new HeapDamagedException(heap.Space.Name, at, $"it leads to {offset}, where there is no block of type 0x{type:X2}");
    }
}
