using System.Security.Cryptography;
using System.Text;
using GuestMemFs;

/// <summary>Sessions that outlive the process: a token leads to a user until it was not shown for some time.</summary>
internal sealed class SessionStore : IDisposable
{
    private readonly PersistentArena _arena;
    private readonly PersistentDictionary _sessions;
    private readonly TimeSpan _idle;

    public SessionStore(string directory, TimeSpan idle)
    {
        _idle = idle;
        _arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = directory });
        PersistentRegion memory = _arena.OpenOrCreateRegion(
            "heap", 64 << 20, new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand });
        _sessions = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(memory), "sessions");
    }

    /// <summary>How many there are, with those that are over and not removed yet.</summary>
    public long Count => _sessions.Count;

    private DateTimeOffset NewEnd => DateTimeOffset.UtcNow + _idle;

    /// <summary>Begins a session; its token is safe when this returns.</summary>
    public string Begin(string user)
    {
        string token = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        _sessions.Set(Encoding.ASCII.GetBytes(token), Encoding.UTF8.GetBytes(user), NewEnd);
        return token;
    }

    /// <summary>Whose session it is, and goes on from now; null where it is over, or none.</summary>
    public string? Find(string token)
    {
        byte[] key = Encoding.ASCII.GetBytes(token);
        return _sessions.Get(key) is { } user && _sessions.Expire(key, NewEnd) ? Encoding.UTF8.GetString(user) : null;
    }

    /// <summary>Ends a session.</summary>
    public bool End(string token) => _sessions.Remove(Encoding.ASCII.GetBytes(token));

    /// <summary>Removes sessions that are over, a few buckets a call: call it now and then.</summary>
    public int RemoveOver() => _sessions.RemoveExpired(buckets: 64);

    public void Dispose() => _arena.Dispose();
}
