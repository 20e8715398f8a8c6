namespace KvStore.Session;

/// <summary>What a client can subscribe to.</summary>
internal enum ChannelKind
{
    /// <summary>A channel, by its name.</summary>
    Channel,

    /// <summary>All channels whose names fit a pattern.</summary>
    Pattern,

    /// <summary>A shard's channel: a space of names of its own.</summary>
    Shard,
}
