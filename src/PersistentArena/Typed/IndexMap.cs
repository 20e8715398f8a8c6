namespace GuestMemFs.Typed;

/// <summary>The sorted map of a table: the catalog of its indexes, and their entries.</summary>
internal sealed class IndexMap(PersistentSortedMap map)
{
    private int _last; // the highest number that this process has given

    /// <summary>The indexes that the heap knows of.</summary>
    public IEnumerable<IndexEntry> Catalog()
    {
        SortedMapCursor cursor = map.Scan([IndexEntry.CatalogPrefix], [IndexEntry.CatalogPrefix + 1]);
        while (cursor.MoveNext())
        {
            yield return IndexEntry.Read(cursor.Current.Key, cursor.Current.Value);
        }
    }

    /// <summary>The keys of an index's entries.</summary>
    public IEnumerable<byte[]> EntriesOf(IndexEntry index)
    {
        SortedMapCursor cursor = map.Scan(IndexKeys.First(index.Number), IndexKeys.Behind(index.Number));
        while (cursor.MoveNext())
        {
            yield return cursor.Current.Key.ToArray();
        }
    }

    /// <summary>Removes a record's entry. While a unique index is built, what another record has is not this
    /// one's.</summary>
    public void Remove(IndexEntry index, byte[] indexKey, byte[] record)
    {
        byte[] entry = IndexKeys.Of(index, indexKey, record);
        if (!index.IsUnique || map.Get(entry).AsSpan().SequenceEqual(record))
        {
            map.Remove(entry);
        }
    }

    /// <summary>What is other than the entries (in hex) that should be there.</summary>
    public List<string> Compare(IndexEntry index, HashSet<string> expected)
    {
        List<string> problems = [];
        foreach (string entry in EntriesOf(index).Select(Convert.ToHexString))
        {
            if (!expected.Remove(entry))
            {
                problems.Add($"index '{index.Name}' has entry {entry} of no record");
            }
        }

        problems.AddRange(expected.Select(it => $"index '{index.Name}' lacks entry {it}"));
        return problems;
    }

    /// <summary>Puts an index into the catalog, or what is new of it.</summary>
    public void Note(IndexEntry index) => map.Set(index.Key, index.Value);

    /// <summary>Takes an index out of the catalog.</summary>
    public void Forget(IndexEntry index) => map.Remove(index.Key);

    /// <summary>
    /// A number for a new index; null where all are given. One that was dropped is not used again at once: somebody may
    /// still hold it.
    /// </summary>
    public byte? FreeNumber()
    {
        IndexEntry[] all = [.. Catalog()];
        _last = all.Select(it => (int)it.Number).Append(_last).Max();
        int number = _last < byte.MaxValue ? ++_last
            : Enumerable.Range(1, byte.MaxValue).FirstOrDefault(n => all.All(it => it.Number != n));
        return number == 0 ? null : (byte)number;
    }
}
