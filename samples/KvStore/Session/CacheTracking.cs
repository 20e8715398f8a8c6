namespace KvStore.Session;

/// <summary>How a client with a cache of its own wants to hear of changes: CLIENT TRACKING.</summary>
/// <param name="clientId">Whose this is: commands of a script are its client's.</param>
internal sealed class CacheTracking(long clientId)
{
    /// <summary>An array, and its places.</summary>
    private const int PrefixOverhead = 160;

    public long ClientId { get; } = clientId;

    /// <summary>True where it hears of all keys with its prefixes, and not of those that it read.</summary>
    public bool Broadcasts { get; init; }

    /// <summary>True where only what it reads after CLIENT CACHING YES counts.</summary>
    public bool OptIn { get; init; }

    /// <summary>True where what it reads after CLIENT CACHING NO does not count.</summary>
    public bool OptOut { get; init; }

    /// <summary>True where it does not hear of its own changes.</summary>
    public bool NoLoop { get; init; }

    /// <summary>The client that hears in its place; 0 for itself.</summary>
    public long RedirectTo { get; init; }

    /// <summary>True where that one has gone.</summary>
    public bool IsRedirectBroken { get; set; }

    /// <summary>True from CLIENT CACHING to the end of the command, or transaction, behind it.</summary>
    public bool CachingSaid { get; set; }

    /// <summary>The prefixes that it hears of.</summary>
    public List<byte[]> Prefixes { get; init; } = [];

    /// <summary>True where what it reads now is remembered.</summary>
    public bool Remembers => !Broadcasts && (OptIn ? CachingSaid : !OptOut || !CachingSaid);

    /// <summary>What it takes, roughly.</summary>
    public long Bytes => PrefixOverhead + Prefixes.Sum(prefix => (long)prefix.Length + PrefixOverhead);
}
