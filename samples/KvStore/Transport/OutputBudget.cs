namespace KvStore.Transport;

/// <summary>The unsent replies of all sockets of a loop. For one thread.</summary>
/// <remarks>
/// Over the limit, a socket that has more than <see cref="Small"/> unsent and writes more is closed: those who read what
/// they ask for are served on, and the whole stays under the limit and so much a client.
/// </remarks>
internal sealed class OutputBudget
{
    /// <summary>Unsent bytes that a socket may have whatever the others do.</summary>
    public const int Small = 64 * 1024;

    public long Limit { get; set; } = long.MaxValue;

    /// <summary>Bytes of blocks that wait to be sent.</summary>
    public long Used { get; private set; }

    /// <summary>Bytes of large blocks that were given up since <see cref="TookReleased"/> said so.</summary>
    private long _released;

    public bool IsOver(long unsent, long more) => unsent + more > Small && Used + more > Limit;

    public void Add(long bytes) => Used += bytes;

    public void Remove(long bytes)
    {
        Used -= bytes;
        _released += bytes;
    }

    /// <summary>True where nothing waits to be sent and at least so much was given up since the last time.</summary>
    public bool TookReleased(long atLeast)
    {
        if (Used > 0 || _released < atLeast)
        {
            return false;
        }

        _released = 0;
        return true;
    }
}
