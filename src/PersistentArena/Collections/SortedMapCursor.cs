using GuestMemFs.Collections;

namespace GuestMemFs;

/// <summary>
/// Goes through a range of a <see cref="PersistentSortedMap"/>, in one direction, without keeping anybody waiting.
/// </summary>
/// <remarks>
/// It remembers the last key, not a place: the map may be changed meanwhile, by this thread too. What is there all the
/// time is seen once; what comes or goes meanwhile may be seen or not; nothing is seen twice or out of order. It copies
/// the entries of one leaf at a time, each leaf as it was at one instant. For one thread at a time.
/// </remarks>
public sealed class SortedMapCursor
{
    private readonly SortedMapReader _reader;
    private readonly SortedBatch _batch;
    private int _index = -1;

    internal SortedMapCursor(SortedMapReader reader, SortedBatch batch)
    {
        _reader = reader;
        _batch = batch;
    }

    /// <summary>The entry that the cursor is at.</summary>
    /// <exception cref="InvalidOperationException">It is at none: <see cref="MoveNext"/> was not called, or said
    /// false.</exception>
    public SortedEntry Current => (uint)_index < (uint)_batch.Count
        ? new SortedEntry(_batch, _index)
        : throw new InvalidOperationException(
            "The cursor is at no entry. Call MoveNext, and use Current where it returned true.");

    /// <summary>The cursor itself, for <c>foreach</c>.</summary>
    public SortedMapCursor GetEnumerator() => this;

    /// <summary>Goes to the next entry; false where there is none.</summary>
    public bool MoveNext()
    {
        if (++_index < _batch.Count)
        {
            return true;
        }

        if (_batch.IsEnded)
        {
            _index = _batch.Count;
            return false;
        }

        _reader.Fill(_batch);
        _index = 0;
        return _batch.Count > 0;
    }
}
