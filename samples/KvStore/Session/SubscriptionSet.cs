using KvStore.Protocol;

namespace KvStore.Session;

/// <summary>What one client is subscribed to.</summary>
internal sealed class SubscriptionSet
{
    /// <summary>An array, an entry here and one in the table of all.</summary>
    private const int NameOverhead = 160;

    private readonly HashSet<byte[]>[] _names =
        [new(ByteKeys.Instance), new(ByteKeys.Instance), new(ByteKeys.Instance)];

    /// <summary>What the names take, roughly.</summary>
    public long Bytes { get; private set; }

    /// <summary>Of all kinds.</summary>
    public int Total => _names[0].Count + _names[1].Count + _names[2].Count;

    /// <summary>What a reply to SUBSCRIBE counts: channels with patterns, or a shard's channels.</summary>
    public int Counted(ChannelKind kind) =>
        kind == ChannelKind.Shard ? _names[(int)kind].Count : _names[0].Count + _names[1].Count;

    public IReadOnlyCollection<byte[]> Names(ChannelKind kind) => _names[(int)kind];

    /// <summary>False where it is subscribed to that already.</summary>
    public bool Add(ChannelKind kind, byte[] name)
    {
        bool added = _names[(int)kind].Add(name);
        Bytes += added ? name.Length + NameOverhead : 0;
        return added;
    }

    /// <summary>False where it was not subscribed to that.</summary>
    public bool Remove(ChannelKind kind, ReadOnlySpan<byte> name)
    {
        bool removed = _names[(int)kind].GetAlternateLookup<ReadOnlySpan<byte>>().Remove(name);
        Bytes -= removed ? name.Length + NameOverhead : 0;
        return removed;
    }
}
