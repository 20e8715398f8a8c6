using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Engine;

/// <summary>Which sessions watch which keys, and whether one of those changed. Used under the engine's gate.</summary>
internal sealed class WatchTable(KeyOnlookers onlookers, Databases databases)
{
    /// <summary>Two arrays, two entries and a list of one, about.</summary>
    private const int KeyOverhead = 192;

    // One for each database's number.
    private readonly Dictionary<byte[], List<ClientSession>>?[] _watchers =
        new Dictionary<byte[], List<ClientSession>>?[Databases.Most];

    private int _keys;

    /// <summary>A session watches a key of the selected database.</summary>
    public void Add(ClientSession session, ReadOnlySpan<byte> key)
    {
        Database database = databases.Selected;
        Add(session, database.Number, key, database.Has(key));
    }

    /// <summary>The same for a key of any database.</summary>
    /// <param name="session">The session.</param>
    /// <param name="database">The database's number.</param>
    /// <param name="key">The key.</param>
    /// <param name="existed">Whether it was there when the session began to watch it.</param>
    public void Add(ClientSession session, int database, ReadOnlySpan<byte> key, bool existed)
    {
        Dictionary<byte[], List<ClientSession>> watchers = _watchers[database] ??= new(ByteKeys.Instance);
        if (!watchers.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out List<ClientSession>? sessions))
        {
            watchers[key.ToArray()] = sessions = [];
            _keys++;
        }

        if (sessions.Contains(session))
        {
            return;
        }

        sessions.Add(session);
        onlookers.Note(KeyOnlooker.Watching, true);
        session.WatchedBytes += (2 * key.Length) + KeyOverhead;
        (session.Watched ??= []).Add(new WatchedKey(database, key.ToArray(), existed));
    }

    /// <summary>A key of the selected database changed: whoever watches it will not EXEC.</summary>
    public void Touch(ReadOnlySpan<byte> key)
    {
        if (_watchers[databases.Selected.Number] is { } watchers && watchers
            .GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out List<ClientSession>? sessions))
        {
            Break(sessions);
        }
    }

    /// <summary>
    /// A database is about to lose all, or to have what another one has: a change of the watched keys that are in one
    /// of the two.
    /// </summary>
    public void TouchAll(Database database, Database? other = null)
    {
        foreach ((byte[] key, List<ClientSession> sessions) in _watchers[database.Number] ?? [])
        {
            if (database.Has(key) || (other?.Has(key) ?? false))
            {
                Break(sessions);
            }
        }
    }

    /// <summary>True where a watched key changed, or was there and has expired.</summary>
    public bool IsDirty(ClientSession session)
    {
        if (session.WatchBroken || session.Watched is null)
        {
            return session.WatchBroken;
        }

        foreach (WatchedKey watched in session.Watched)
        {
            if (watched.Existed && !databases.Find(watched.Database)!.Has(watched.Key))
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
        foreach (WatchedKey watched in session.Watched ?? [])
        {
            Dictionary<byte[], List<ClientSession>> watchers = _watchers[watched.Database]!;
            if (watchers.TryGetValue(watched.Key, out List<ClientSession>? sessions) && sessions.Remove(session)
                && sessions.Count == 0)
            {
                watchers.Remove(watched.Key);
                _keys--;
            }
        }

        session.Watched = null;
        onlookers.Note(KeyOnlooker.Watching, _keys > 0);
    }

    private static void Break(List<ClientSession> sessions)
    {
        foreach (ClientSession session in sessions)
        {
            session.WatchBroken = true;
        }
    }
}
