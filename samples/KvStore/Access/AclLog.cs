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

/// <summary>The newest refusals; the same ones within a minute are one.</summary>
internal sealed class AclLog
{
    private const int Most = 128;
    private const long GroupedMilliseconds = 60_000;

    private readonly LinkedList<AclLogEntry> _entries = new();

    /// <summary>Newest first.</summary>
    public IReadOnlyCollection<AclLogEntry> Entries => _entries;

    public void Clear() => _entries.Clear();

    public void Add(AclLogEntry entry)
    {
        AclLogEntry? same = _entries.FirstOrDefault(it => entry.At - it.At <= GroupedMilliseconds
            && (it.Reason, it.Context) == (entry.Reason, entry.Context)
            && (it.Object, it.UserName) == (entry.Object, entry.UserName));
        if (same is not null)
        {
            _entries.Remove(same);
            entry.Count += same.Count;
        }

        _entries.AddFirst(entry);
        if (_entries.Count > Most)
        {
            _entries.RemoveLast();
        }
    }
}
