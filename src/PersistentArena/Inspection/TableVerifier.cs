using GuestMemFs.Typed;

namespace GuestMemFs.Inspection;

/// <summary>
/// Checks the tables of a heap whose collections are whole: each entry of an index is of an index that the table has,
/// and of a record that is there. What a record's index key should be is known to the application alone
/// (<see cref="PersistentTable{TKey, TValue}.Verify"/>).
/// </summary>
internal static class TableVerifier
{
    /// <summary>Tells what is wrong.</summary>
    public static void Check(PersistentHeap heap, Action<string> problem, CancellationToken cancellationToken)
    {
        foreach (string root in heap.Roots)
        {
            if (root.EndsWith(PersistentTables.IndexSuffix, StringComparison.Ordinal)
                && ShapeCatalog.Find(heap, root) == PersistentTables.IndexShape)
            {
                Check(heap, root, problem, cancellationToken);
            }
        }
    }

    private static void Check(PersistentHeap heap, string root, Action<string> problem,
        CancellationToken cancellationToken)
    {
        string table = root[..^PersistentTables.IndexSuffix.Length];
        if (!heap.HasRoot(table))
        {
            return; // a creation that was killed
        }

        PersistentDictionary records = PersistentDictionary.OpenOrCreate(heap, table);
        Dictionary<byte, IndexEntry> indexes = [];
        SortedMapCursor cursor = PersistentSortedMap.OpenOrCreate(heap, root).Scan();
        while (cursor.MoveNext())
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                if (Find(cursor.Current, indexes, records) is { } found)
                {
                    problem($"table '{table}': {found}");
                }
            }
            catch (FormatException e)
            {
                problem($"table '{table}': {e.Message}");
            }
        }
    }

    /// <summary>What is wrong with an entry; null for nothing.</summary>
    private static string? Find(
        SortedEntry entry, Dictionary<byte, IndexEntry> indexes, PersistentDictionary records)
    {
        ReadOnlySpan<byte> key = entry.Key;
        if (key is [IndexEntry.CatalogPrefix, ..])
        {
            IndexEntry described = IndexEntry.Read(key, entry.Value);
            indexes[described.Number] = described;
            return null;
        }

        if (key.IsEmpty || !indexes.TryGetValue(key[0], out IndexEntry? index))
        {
            return $"an entry {Convert.ToHexString(key)} is of no index";
        }

        (_, byte[] record) = IndexKeys.Read(index, key, entry.Value);
        return index.IsDropping || records.ContainsKey(record) ? null
            : $"index '{index.Name}' leads to a record {Convert.ToHexString(record)} that is not there";
    }
}
