using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Engine;

/// <summary>Which clients have read which keys into caches of their own, and who is told when a key changes.</summary>
/// <remarks>Used under the engine's gate. A client that is told of a key is forgotten for it. The table is bounded: the
/// key that is in it for the longest goes first, and those who read it are told that it changed.</remarks>
internal sealed class TrackingTable(KeyOnlookers onlookers, InvalidationMessages messages)
{
    /// <summary>Keys are bytes of clients: these are bounded too.</summary>
    private const long MostBytes = 256L << 20;

    private const int KeyOverhead = 128;
    private const int StaleKept = 1024;

    private readonly Dictionary<byte[], Readers> _readers = new(ByteKeys.Instance);
    private readonly Queue<byte[]> _oldest = new();
    private readonly Dictionary<long, ClientSession> _clients = [];
    private readonly SortedDictionary<byte[], PrefixListeners> _prefixes = new(ByteOrder.Instance);
    private long _bytes;

    /// <summary>Clients that track.</summary>
    public int ClientCount => _clients.Count;

    /// <summary>Keys that are remembered.</summary>
    public int KeyCount => _readers.Count;

    /// <summary>Keys, each counted for each client that read it.</summary>
    public long ItemCount { get; private set; }

    /// <summary>Prefixes that clients listen for.</summary>
    public int PrefixCount => _prefixes.Count;

    /// <summary>Bytes that the keys take, roughly.</summary>
    public long Bytes => _bytes;

    /// <summary>True where changes wait to be told to those who listen for prefixes.</summary>
    public bool HasChanges { get; private set; }

    private Dictionary<byte[], Readers>.AlternateLookup<ReadOnlySpan<byte>> ByBytes =>
        _readers.GetAlternateLookup<ReadOnlySpan<byte>>();

    /// <summary>A client tracks from now on, or otherwise than before.</summary>
    public void Enable(ClientSession session, CacheTracking tracking)
    {
        session.Tracking = tracking;
        _clients[session.Id] = session;
        foreach (byte[] prefix in tracking.Prefixes)
        {
            if (!_prefixes.TryGetValue(prefix, out PrefixListeners? listeners))
            {
                _prefixes[prefix] = listeners = new PrefixListeners();
            }

            listeners.Clients.Add(session);
        }

        onlookers.Note(KeyOnlooker.Tracking, true);
    }

    /// <summary>A client does not track any more. What it read is forgotten as it changes.</summary>
    public void Disable(ClientSession session)
    {
        foreach (byte[] prefix in session.Tracking?.Prefixes ?? [])
        {
            if (_prefixes.TryGetValue(prefix, out PrefixListeners? listeners) && listeners.Clients.Remove(session)
                && listeners.Clients.Count == 0)
            {
                _prefixes.Remove(prefix);
            }
        }

        session.Tracking = null;
        if (_clients.Remove(session.Id) && _clients.Count == 0)
        {
            Forget();
            onlookers.Note(KeyOnlooker.Tracking, false);
        }
    }

    /// <summary>A client has read a key.</summary>
    public void Remember(long client, ReadOnlySpan<byte> key, long mostKeys)
    {
        ref Readers there = ref CollectionsMarshal.GetValueRefOrNullRef(ByBytes, key);
        if (!Unsafe.IsNullRef(ref there))
        {
            ItemCount += there.Add(client) ? 1 : 0;
            return;
        }

        byte[] kept = key.ToArray(); // one for both
        Readers readers = default;
        readers.Add(client);
        _readers.Add(kept, readers);
        ItemCount++;
        _oldest.Enqueue(kept);
        _bytes += KeyOverhead + key.Length;
        while ((mostKeys > 0 && _readers.Count > mostKeys) || _bytes > MostBytes)
        {
            Invalidate(_oldest.Dequeue(), by: null);
        }

        if (_oldest.Count > (2 * _readers.Count) + StaleKept)
        {
            DropStale();
        }
    }

    /// <summary>A key changed: those who read it, and those who listen for its prefix, are told.</summary>
    /// <param name="key">The key.</param>
    /// <param name="by">Whose command changed it; null where it went by itself.</param>
    public void Touch(ReadOnlySpan<byte> key, ClientSession? by)
    {
        Invalidate(key, by);
        foreach ((byte[] prefix, PrefixListeners listeners) in _prefixes)
        {
            if (key.StartsWith(prefix))
            {
                listeners.Note(key.ToArray(), by);
                HasChanges = true;
            }
        }
    }

    /// <summary>Everything is removed.</summary>
    public void TouchAll(ClientSession? by)
    {
        Forget();
        foreach (ClientSession client in _clients.Values)
        {
            messages.SendFlush(client, FindRedirect(client), by);
        }
    }

    /// <summary>Tells those who listen for prefixes what changed since the last time.</summary>
    public void SendChanges()
    {
        HasChanges = false;
        foreach (PrefixListeners listeners in _prefixes.Values)
        {
            if (listeners.Changes.Count == 0)
            {
                continue;
            }

            foreach (ClientSession client in listeners.Clients)
            {
                byte[][] keys = [.. listeners.Changes
                    .Where(change => !client.Tracking!.NoLoop || change.Value != client)
                    .Select(change => change.Key)];
                if (keys.Length > 0)
                {
                    messages.Send(client, FindRedirect(client), keys, null);
                }
            }

            listeners.Changes.Clear();
        }
    }

    private void Invalidate(ReadOnlySpan<byte> key, ClientSession? by)
    {
        if (!ByBytes.Remove(key, out _, out Readers readers))
        {
            return;
        }

        _bytes -= KeyOverhead + key.Length;
        ItemCount -= readers.Count;
        byte[][]? keys = null;
        foreach (long id in readers.Ids)
        {
            if (_clients.TryGetValue(id, out ClientSession? client) && client.Tracking is { Broadcasts: false } tracking
                && !(tracking.NoLoop && client == by))
            {
                messages.Send(client, FindRedirect(client), keys ??= [key.ToArray()], by);
            }
        }
    }

    private ClientSession? FindRedirect(ClientSession client) =>
        client.Tracking!.RedirectTo == 0 ? client : messages.Find(client.Tracking.RedirectTo);

    private void Forget()
    {
        _readers.Clear();
        _oldest.Clear();
        _bytes = ItemCount = 0;
    }

    private void DropStale()
    {
        for (int i = _oldest.Count; i > 0; i--)
        {
            byte[] key = _oldest.Dequeue();
            if (_readers.ContainsKey(key))
            {
                _oldest.Enqueue(key); // a key that came back stands in it twice: until it goes
            }
        }
    }

    /// <summary>
    /// The clients that listen for a prefix, and the keys that changed, each with the client that alone changed it.
    /// </summary>
    private sealed class PrefixListeners
    {
        public HashSet<ClientSession> Clients { get; } = [];

        public SortedDictionary<byte[], ClientSession?> Changes { get; } = new(ByteOrder.Instance);

        /// <summary>What another changed too, or what went by itself, is told to all.</summary>
        public void Note(byte[] key, ClientSession? by)
        {
            if (!Changes.TryAdd(key, by) && Changes[key] != by)
            {
                Changes[key] = null;
            }
        }
    }

    /// <summary>Clients that read a key: mostly one.</summary>
    private struct Readers
    {
        private long _one;
        private HashSet<long>? _more;

        public readonly int Count => _more?.Count ?? (_one == 0 ? 0 : 1);

        public bool Add(long client)
        {
            if (_more is not null)
            {
                return _more.Add(client);
            }

            if (_one == 0)
            {
                _one = client;
                return true;
            }

            if (_one == client)
            {
                return false;
            }

            _more = [_one, client];
            return true;
        }

        public readonly HashSet<long> Ids => _more ?? [_one];
    }
}
