namespace GuestMemFs.PublicSurface;

/// <summary>A region's heap, and a collection of each kind in it: made where the arena can be written to.</summary>
internal class EachCollection
{
    public EachCollection(PersistentRegion region)
    {
        Region = region;
        Heap = PersistentHeap.Open(region);
        Dictionary = PersistentDictionary.OpenOrCreate(Heap, "dictionary");
        Map = PersistentSortedMap.OpenOrCreate(Heap, "map");
        Nested = NestedCollections.OpenOrCreate(Heap, Dictionary, "nested");
        Log = PersistentLog.OpenOrCreate(Heap, "log");
        List = PersistentList.OpenOrCreate(Heap, "list");
        Set = PersistentSet.OpenOrCreate(Heap, "set");
        Queue = PersistentPriorityQueue.OpenOrCreate(Heap, "queue");
        Bytes = PersistentBytes.OpenOrCreate(Heap, "bytes");
        Bitmap = PersistentBitmap.OpenOrCreate(Heap, "bitmap");
    }

    public PersistentRegion Region { get; }

    public PersistentHeap Heap { get; }

    public PersistentDictionary Dictionary { get; }

    public PersistentSortedMap Map { get; }

    public NestedCollections Nested { get; }

    public PersistentLog Log { get; }

    public PersistentList List { get; }

    public PersistentSet Set { get; }

    public PersistentPriorityQueue Queue { get; }

    public PersistentBytes Bytes { get; }

    public PersistentBitmap Bitmap { get; }
}
