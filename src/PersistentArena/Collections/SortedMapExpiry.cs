namespace GuestMemFs.Collections;

/// <summary>Removing what has expired from a sorted map, some leaves a call, again and again.</summary>
internal sealed class SortedMapExpiry(SortedMapReader reader, SortedMapWriter writer)
{
    // How far the last call came; null where it came to the end, or a call is at it.
    private SortedBatch? _batch;

    /// <summary>Removes what has expired among the next entries; returns how many.</summary>
    public int RemoveExpired(int leaves)
    {
        int removed = 0;
        SortedBatch batch = Interlocked.Exchange(ref _batch, null)
            ?? new SortedBatch([], includesStart: true, end: null, descends: false) { KeepsExpired = true };
        for (int i = 0; i < leaves && !batch.IsEnded; i++)
        {
            reader.Fill(batch);
            for (int k = 0; k < batch.Count; k++)
            {
                if (writer.IsExpired(batch.ExpiresAt(k)))
                {
                    removed += writer.TryRemoveExpired(batch.Key(k)) ? 1 : 0;
                }
            }
        }

        _batch = batch.IsEnded ? null : batch;
        return removed;
    }
}
