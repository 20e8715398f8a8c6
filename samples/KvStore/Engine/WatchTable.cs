using GuestMemFs;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Engine;

/// <summary>Which sessions watch which keys, and whether one of those changed. Used under the engine's gate.</summary>
internal sealed class WatchTable(KeyOnlookers onlookers)
{
    /// <summary>Two arrays, two entries and a list of one, about.</summary>
    private const int KeyOverhead = 192;

    private readonly Dictionary<byte[], List<ClientSession>> _watchers = new(ByteKeys.Instance);

    public void Add(ClientSession session, ReadOnlySpan<byte> key, PersistentDictionary keys)
    {
        if (!ByBytes.TryGetValue(key, out List<ClientSession>? sessions))
        {
            _watchers[key.ToArray()] = sessions = [];
        }

        if (sessions.Contains(session))
        {
            return;
        }

        sessions.Add(session);
        onlookers.Note(KeyOnlooker.Watching, true);
        session.WatchedBytes += (2 * key.Length) + KeyOverhead;
        (session.Watched ??= []).Add(new WatchedKey(key.ToArray(), Exists(keys, key)));
    }

    /// <summary>A key changed: whoever watches it will not EXEC.</summary>
    public void Touch(ReadOnlySpan<byte> key)
    {
        if (!ByBytes.TryGetValue(key, out List<ClientSession>? sessions))
        {
            return;
        }

        foreach (ClientSession session in sessions)
        {
            session.WatchBroken = true;
        }
    }

    /// <summary>Everything is about to be removed: a change of the watched keys that are there.</summary>
    public void TouchAll(PersistentDictionary keys)
    {
        foreach ((byte[] key, _) in _watchers)
        {
            if (Exists(keys, key))
            {
                Touch(key);
            }
        }
    }

    /// <summary>True where a watched key changed, or was there and has expired.</summary>
    public static bool IsDirty(ClientSession session, PersistentDictionary keys)
    {
        if (session.WatchBroken || session.Watched is null)
        {
            return session.WatchBroken;
        }

        foreach (WatchedKey watched in session.Watched)
        {
            if (watched.Existed && !Exists(keys, watched.Key))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The session watches nothing any more.</summary>
    public void Remove(ClientSession session)
    {
        session.WatchBroken = false;
        session.WatchedBytes = 0;
        if (session.Watched is null)
        {
            return;
        }

        foreach (WatchedKey watched in session.Watched)
        {
            if (_watchers.TryGetValue(watched.Key, out List<ClientSession>? sessions) && sessions.Remove(session)
                && sessions.Count == 0)
            {
                _watchers.Remove(watched.Key);
            }
        }

        session.Watched = null;
        onlookers.Note(KeyOnlooker.Watching, _watchers.Count > 0);
    }

    private Dictionary<byte[], List<ClientSession>>.AlternateLookup<ReadOnlySpan<byte>> ByBytes =>
        _watchers.GetAlternateLookup<ReadOnlySpan<byte>>();

    private static bool Exists(PersistentDictionary keys, ReadOnlySpan<byte> key)
    {
        var facts = default(FactsReader);
        return keys.TryRead(key, ref facts);
    }
}
