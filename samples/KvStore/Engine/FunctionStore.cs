using GuestMemFs;

namespace KvStore.Engine;

/// <summary>
/// The texts of libraries of functions, by their names: a dictionary of the heap, made with the first. One store makes
/// a library true, or gone.
/// </summary>
internal sealed class FunctionStore(PersistentHeap heap)
{
    private const string Name = "functions";

    private PersistentDictionary? _libraries;

    /// <summary>All of them.</summary>
    public IReadOnlyList<KeyValuePair<byte[], byte[]>> ReadAll()
    {
        Collector all = new([]);
        if (_libraries is not null || PersistentDictionary.Exists(heap, Name))
        {
            ulong cursor = 0;
            do
            {
                cursor = Open().Scan(cursor, int.MaxValue, ref all);
            }
            while (cursor != 0);
        }

        // A scan may show a record twice.
        return [.. all.Found.DistinctBy(library => Convert.ToHexString(library.Key))];
    }

    /// <summary>Opens it; not inside a group where it was not there before.</summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for it.</exception>
    public PersistentDictionary Open() => _libraries ??= PersistentDictionary.OpenOrCreate(
        heap, Name, new PersistentDictionaryOptions { TimeProvider = WallClock.Source });

    private readonly struct Collector(List<KeyValuePair<byte[], byte[]>> found) : IRecordVisitor
    {
        public List<KeyValuePair<byte[], byte[]>> Found => found;

        public void Visit(in RecordView record) => found.Add(new(record.Key.ToArray(), record.Value.ToArray()));
    }
}
