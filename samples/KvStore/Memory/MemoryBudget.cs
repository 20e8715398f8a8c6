namespace KvStore.Memory;

/// <summary>Who holds memory of a <see cref="MemoryBudget"/>.</summary>
internal interface IMemoryHolder
{
    /// <summary>Bytes that it holds.</summary>
    long Held { get; }

    /// <summary>True while what it holds is looked at by what runs: it cannot give that up then.</summary>
    bool IsInUse { get; }

    /// <summary>The limit is reached, and it holds the most: it holds nothing now, and tells the budget so.</summary>
    void GiveUp();
}

/// <summary>What all clients of a loop make the server hold, of one kind. For one thread.</summary>
/// <remarks>Asked before memory is taken. At the limit the holder of the most gives up: a client that takes what it
/// asks
/// for is served on, however many there are that do not.</remarks>
internal sealed class MemoryBudget
{
    private readonly HashSet<IMemoryHolder> _holders = [];
    private long _peak;

    public long Limit { get; set; } = long.MaxValue;

    /// <summary>Bytes held now.</summary>
    public long Used { get; private set; }

    public void Add(IMemoryHolder holder) => _holders.Add(holder);

    /// <summary>The holder holds nothing any more.</summary>
    public void Remove(IMemoryHolder holder) => _holders.Remove(holder);

    /// <summary>Counts bytes that a holder is about to hold; false where it holds the most and there is no
    /// room.</summary>
    public bool TryTake(IMemoryHolder holder, long bytes)
    {
        while (Used + bytes > Limit)
        {
            IMemoryHolder? largest = Largest();
            if (largest is null || holder.Held + bytes > largest.Held)
            {
                return false;
            }

            largest.GiveUp();
        }

        Take(bytes);
        return true;
    }

    /// <summary>The same whatever the limit: for what is there already, or is given back at once.</summary>
    public void Take(long bytes)
    {
        Used += bytes;
        _peak = Math.Max(_peak, Used);
    }

    public void Give(long bytes) => Used -= bytes;

    /// <summary>True once where much of at least so many bytes has been given back since the last time.</summary>
    public bool TookFall(long atLeast)
    {
        bool fell = _peak >= atLeast && Used <= _peak / 2;
        if (fell)
        {
            _peak = Used;
        }

        return fell;
    }

    private IMemoryHolder? Largest()
    {
        IMemoryHolder? largest = null;
        long most = 0;
        foreach (IMemoryHolder holder in _holders)
        {
            if (holder.Held > most && !holder.IsInUse)
            {
                (largest, most) = (holder, holder.Held);
            }
        }

        return largest;
    }
}
