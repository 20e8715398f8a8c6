using GuestMemFs;

namespace KvStore.Engine;

/// <summary>
/// One of the numbered databases: a dictionary of the heap, and the large collections that its keys have.
/// </summary>
internal sealed class Database
{
    private const string DictionaryName = "keys";
    private const string NestedName = "elements";

    private readonly PersistentHeap _heap;
    private readonly TimeProvider _clock;

    /// <summary>Opens the one of a place, or makes it; not inside a group where it is not there.</summary>
    /// <param name="heap">The store's heap.</param>
    /// <param name="place">Which dictionary of the heap.</param>
    /// <param name="checksums">True where its values carry checksums, should it be new.</param>
    /// <param name="clock">By which keys expire.</param>
    public Database(PersistentHeap heap, int place, bool checksums, TimeProvider clock)
    {
        _heap = heap;
        _clock = clock;
        Place = place;
        Keys = PersistentDictionary.OpenOrCreate(
            heap,
            NameAt(DictionaryName, place),
            new PersistentDictionaryOptions { TimeProvider = clock, Checksums = checksums });
        FieldDues = new FieldDues(OpenNested);
        if (NestedCollections.Exists(heap, NameAt(NestedName, place)))
        {
            OpenNested();
            FieldDues.Look();
        }
    }

    /// <summary>Its place in the heap, which its names there say; never changes.</summary>
    public int Place { get; }

    /// <summary>Its number, as clients have it: SWAPDB changes it.</summary>
    public int Number { get; set; }

    public PersistentDictionary Keys { get; }

    /// <summary>The large collections that keys have; null where none was made yet.</summary>
    public NestedCollections? Nested { get; private set; }

    /// <summary>Which hashes have fields that expire.</summary>
    public FieldDues FieldDues { get; }

    /// <summary>Bytes that records take, those of large collections included.</summary>
    public long RecordBytes => Keys.RecordBytes + (Nested?.Entries.RecordBytes ?? 0);

    /// <summary>
    /// True where the heap has one at that place. One that found no room for its first table is not there, and has no
    /// key: to open it takes room.
    /// </summary>
    public static bool IsMade(PersistentHeap heap, int place) =>
        PersistentDictionary.Exists(heap, NameAt(DictionaryName, place));

    /// <summary>The large collections; not inside a group where there was none before.</summary>
    public NestedCollections OpenNested() =>
        Nested ??= NestedCollections.OpenOrCreate(_heap, Keys, NameAt(NestedName, Place), _clock);

    /// <summary>True where a key is there.</summary>
    public bool Has(ReadOnlySpan<byte> key)
    {
        var facts = default(FactsReader);
        return Keys.TryRead(key, ref facts);
    }

    /// <summary>Removes everything with one store. Large collections are freed in the background.</summary>
    public void Clear()
    {
        Nested?.BeforeClear();
        Keys.Clear();
    }

    private static string NameAt(string name, int place) => place == 0 ? name : $"{name}-{place}";
}
