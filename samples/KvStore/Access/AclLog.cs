namespace KvStore.Access;

/// <summary>A refusal, and how often it happened.</summary>
internal sealed class AclLogEntry
{
    public long Count { get; set; } = 1;

    /// <summary>command, key or auth.</summary>
    public required string Reason { get; init; }

    /// <summary>toplevel or multi.</summary>
    public required string Context { get; init; }

    /// <summary>The command or key.</summary>
    public required string Object { get; init; }

    public required string UserName { get; init; }

    /// <summary>Of the last time; in <see cref="Environment.TickCount64"/>.</summary>
    public long At { get; set; } = Environment.TickCount64;

    /// <summary>Of the last time.</summary>
    public required string ClientInfo { get; set; }
}

/// <summary>The newest refusals; the same ones within a minute are one, where few others came between.</summary>
internal sealed class AclLog
{
    private const long GroupedMilliseconds = 60_000;
    private const int Compared = 10;

    private readonly LinkedList<AclLogEntry> _entries = new();

    /// <summary>Newest first.</summary>
    public IReadOnlyCollection<AclLogEntry> Entries => _entries;

    public void Clear() => _entries.Clear();

    /// <summary>Adds one; the oldest go where there are more than so many.</summary>
    public void Add(AclLogEntry entry, int most)
    {
        AclLogEntry? same = _entries.Take(Compared).FirstOrDefault(it => entry.At - it.At <= GroupedMilliseconds
            && (it.Reason, it.Context) == (entry.Reason, entry.Context)
            && (it.Object, it.UserName) == (entry.Object, entry.UserName));
        if (same is not null)
        {
            _entries.Remove(same);
            entry.Count += same.Count;
        }

        _entries.AddFirst(entry);
        while (_entries.Count > most)
        {
            _entries.RemoveLast();
        }
    }
}
