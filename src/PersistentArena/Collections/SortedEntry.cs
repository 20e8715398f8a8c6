using GuestMemFs.Collections;

namespace GuestMemFs;

/// <summary>
/// An entry of a <see cref="PersistentSortedMap"/> that a cursor is at: copies, good until the cursor moves.
/// </summary>
public readonly ref struct SortedEntry
{
    private readonly SortedBatch _batch;
    private readonly int _index;

    internal SortedEntry(SortedBatch batch, int index)
    {
        _batch = batch;
        _index = index;
    }

    /// <summary>The key; in a section what comes behind its prefix.</summary>
    public ReadOnlySpan<byte> Key => _batch.Key(_index)[_batch.SharedLength..];

    /// <summary>The value; an integer's as decimal digits.</summary>
    public ReadOnlySpan<byte> Value => _batch.Value(_index);

    /// <summary>The type that the value was put with.</summary>
    public RecordType Type => _batch.Type(_index);

    /// <summary>When it expires; null for never.</summary>
    public DateTimeOffset? ExpiresAt =>
        _batch.ExpiresAt(_index) is not RecordView.NoExpiry and var at
            ? DateTimeOffset.FromUnixTimeMilliseconds(at)
            : null;
}
