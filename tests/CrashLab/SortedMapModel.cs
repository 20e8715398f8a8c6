using System.Text;

namespace GuestMemFs.CrashLab;

/// <summary>What a sorted map, and a dictionary beside it in the same heap, should hold.</summary>
internal sealed class SortedMapModel : ILabModel<SortedMapPair, SortedMapModel>
{
    private readonly SortedDictionary<string, (string Value, long ExpiresAt)> _entries = new(StringComparer.Ordinal);

    public SortedMapModel()
    {
    }

    private SortedMapModel(SortedMapModel other)
    {
        _entries = new(other._entries, StringComparer.Ordinal);
        Beside = other.Beside.Copy();
    }

    public IDictionary<string, (string Value, long ExpiresAt)> Entries => _entries;

    public DictionaryModel Beside { get; } = new();

    public SortedMapModel Copy() => new(this);

    /// <summary>
    /// One line per difference; empty where the map and the dictionary hold just this, by key, in order and by rank.
    /// </summary>
    public string Difference(SortedMapPair pair)
    {
        StringBuilder text = new(Beside.Difference(pair.Dictionary));
        if (pair.Map.Count != _entries.Count)
        {
            text.Append("count ").Append(pair.Map.Count).Append(" instead of ").Append(_entries.Count).AppendLine();
        }

        using var expected = _entries.GetEnumerator();
        int rank = 0;
        foreach (SortedEntry entry in pair.Map.Scan())
        {
            string key = Encoding.UTF8.GetString(entry.Key);
            string value = Encoding.UTF8.GetString(entry.Value);
            long expiresAt = entry.ExpiresAt?.ToUnixTimeMilliseconds() ?? 0;
            if (!expected.MoveNext() || expected.Current.Key != key || expected.Current.Value != (value, expiresAt))
            {
                text.Append(key).Append(" at ").Append(rank).Append(": ").Append(value.Length).Append(
                    " bytes until ").Append(expiresAt).AppendLine(" is not what should be there");
                return text.ToString();
            }

            long found = rank % 7 == 0 ? pair.Map.Rank(entry.Key) : rank;
            if (found != rank)
            {
                text.Append(key).Append(" has rank ").Append(found).Append(" instead of ").Append(rank).AppendLine();
            }

            rank++;
        }

        return text.Append(expected.MoveNext() ? $"nothing after {rank} entries\n" : "").ToString();
    }
}

/// <summary>A sorted map and a dictionary of one heap.</summary>
internal sealed record SortedMapPair(PersistentHeap Heap, PersistentSortedMap Map, PersistentDictionary Dictionary);
