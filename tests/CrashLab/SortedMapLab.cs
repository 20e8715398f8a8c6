namespace GuestMemFs.CrashLab;

/// <summary>A sorted map with a dictionary beside it.</summary>
internal sealed class SortedMapLab(string part) : HeapLab<SortedMapPair, SortedMapModel>(part)
{
    public SortedMapPair Pair => World;

    /// <summary>Makes a further map, and explores the crashes.</summary>
    public void ExploreCreation(string name) => ExploreCreation(
        pair => PersistentSortedMap.OpenOrCreate(pair.Heap, name),
        pair => PersistentSortedMap.OpenOrCreate(pair.Heap, name).Set("k"u8, "v"u8));

    protected override SortedMapPair Open(PersistentHeap heap) => new(
        heap,
        PersistentSortedMap.OpenOrCreate(heap, "map", new() { TimeProvider = DictionaryLab.StoppedTime.Instance }),
        PersistentDictionary.OpenOrCreate(
            heap, "keys", new() { TimeProvider = DictionaryLab.StoppedTime.Instance }));

    protected override PersistentHeap HeapOf(SortedMapPair world) => world.Heap;
}
