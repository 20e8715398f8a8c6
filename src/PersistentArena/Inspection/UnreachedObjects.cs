using GuestMemFs.Collections;
using GuestMemFs.Heap;

namespace GuestMemFs.Inspection;

/// <summary>
/// An application's objects that nothing leads to. Where a struct has its links is known to the application alone; so
/// each word of an object that is another one's offset counts as one, and so do eight bytes anywhere in a record or
/// an entry of a log. A number that happens to be an offset hides an object; none that is led to is reported.
/// </summary>
internal sealed unsafe class UnreachedObjects
{
    private const int Named = 8;

    private readonly PersistentHeap _heap;
    private readonly Dictionary<long, long> _left;
    private readonly Stack<long> _found = [];

    private UnreachedObjects(PersistentHeap heap, Dictionary<long, long> left)
    {
        _heap = heap;
        _left = left;
    }

    /// <summary>Finds them, and says how many, how large and where; null where there are none.</summary>
    /// <param name="heap">The heap, which stands still and is whole.</param>
    /// <param name="blocks">All allocated blocks, with the bytes that each takes.</param>
    /// <param name="reached">Those that a root, a collection or a lane leads to.</param>
    /// <param name="cancellation">Ends it.</param>
    public static string? Find(PersistentHeap heap, IReadOnlyDictionary<long, long> blocks,
        IReadOnlySet<long> reached, CancellationToken cancellation)
    {
        Dictionary<long, long> left = [];
        foreach ((long block, long bytes) in blocks)
        {
            if (!reached.Contains(block) && TypeOf(heap, block) == BlockHeader.TypeBlob)
            {
                left.Add(block, bytes);
            }
        }

        UnreachedObjects objects = new(heap, left);
        objects.Follow(reached.Where(block => TypeOf(heap, block) == BlockHeader.TypeBlob), cancellation);
        objects.Follow(reached.Where(block => TypeOf(heap, block) is <= BlockHeader.LastRecordType
            or BlockHeader.TypeLogSegment), cancellation);
        return objects.Text();
    }

    private static byte TypeOf(PersistentHeap heap, long block) => BlockHeader.TypeOf(*(ulong*)heap.At(block));

    private void Follow(IEnumerable<long> from, CancellationToken cancellation)
    {
        foreach (long block in from)
        {
            if (_left.Count == 0)
            {
                return;
            }

            _found.Push(block);
            while (_found.TryPop(out long at))
            {
                cancellation.ThrowIfCancellationRequested();
                Scan(at);
            }
        }
    }

    private void Scan(long block)
    {
        ulong header = *(ulong*)_heap.At(block);
        bool isRecord = BlockHeader.TypeOf(header) <= BlockHeader.LastRecordType;
        long end = block + (isRecord ? RecordFormat.Length(header) : BlockHeader.SizeOf(header));
        int step = BlockHeader.TypeOf(header) == BlockHeader.TypeBlob ? sizeof(ulong) : 1;
        for (long at = block + HeapObjects.HeaderLength; at + sizeof(long) <= end; at += step)
        {
            long word = *(long*)_heap.At(at);
            if ((word & (SizeClasses.Granule - 1)) == 0 && word > 0 && word < _heap.Space.Length && _left.Remove(word))
            {
                _found.Push(word);
            }
        }
    }

    private string? Text() => _left.Count == 0 ? null : FormattableString.Invariant(
        $"{_left.Count} objects of {_left.Values.Sum()} bytes are in use, and nothing leads to them: at ") +
        string.Join(", ", _left.Keys.Order().Take(Named)) + (_left.Count > Named ? " and further ones." : ".");
}
